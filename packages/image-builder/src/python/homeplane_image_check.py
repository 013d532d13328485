"""What a Python environment lacks of an image's specification (flyteidl2.imagebuilder.ImageSpec).

Run by itself with two paths, that of the specification and that of the context's archive (or ""), it prints what it found as JSON. Packages are
checked as pip would: names, versions, markers, extras. Layers that change a file system are not applied and only noted.
"""

import importlib.metadata
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile

from flyteidl2.imagebuilder import definition_pb2

try:
    from packaging.requirements import InvalidRequirement, Requirement
except ImportError:
    from pip._vendor.packaging.requirements import InvalidRequirement, Requirement

try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib

# What the SDK itself puts into an image that starts from a plain base.
SCAFFOLD_APT = {"build-essential", "ca-certificates"}
MAX_DEPTH = 8


class Found:
    def __init__(self):
        self.lacking = {}  # requirement -> why
        self.options = []  # of pip, in the order of the layers
        self.apt = []
        self.problems = []
        self.notes = []

    def lack(self, requirement, why):
        self.lacking.setdefault(requirement, why)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)


def check_requirement(text, found, extras=(), depth=0):
    text = text.strip()
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        egg = re.search(r"[#&]egg=([A-Za-z0-9._-]+)", text)
        if egg is None:
            found.note(f"{text} can not be checked: it does not name its package")
        elif installed(egg[1]) is None:
            found.lack(text, "not installed")
        return
    contexts = [{"extra": extra} for extra in extras] or [{"extra": ""}]
    if requirement.marker is not None and not any(requirement.marker.evaluate(context) for context in contexts):
        return
    version = installed(requirement.name)
    if version is None:
        found.lack(without_marker(text), "not installed")
    elif not requirement.specifier.contains(version, prereleases=True):
        found.lack(without_marker(text), f"{version} is installed")
    elif requirement.extras and depth < MAX_DEPTH:
        check_extras(requirement, found, depth)


def check_extras(requirement, found, depth):
    for text in importlib.metadata.requires(requirement.name) or []:
        try:
            marker = Requirement(text).marker
        except InvalidRequirement:
            continue
        if marker is not None and not marker.evaluate({"extra": ""}):
            check_requirement(text, found, tuple(requirement.extras), depth + 1)


def installed(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def without_marker(text):
    return text.split(";")[0].strip()


def read_requirements(path, found, depth=0):
    if depth > MAX_DEPTH:
        return
    lines = path.read_text(encoding="utf-8-sig").replace("\\\n", " ").splitlines()
    for line in lines:
        text = re.sub(r"(^|\s)#.*$", "", line).strip()
        text = re.sub(r"\s+--hash[= ]\S+", "", text).strip()
        if not text:
            continue
        nested = re.match(r"(?:-r|--requirement)[= ]?\s*(.+)$", text)
        if nested is not None:
            read_requirements(path.parent / nested[1], found, depth + 1)
        elif text.startswith(("-e", "--editable")):
            found.note(f"{text} can not be checked")
        elif text.startswith("-"):
            found.options.extend(shlex.split(text))
        else:
            check_requirement(text, found)


def project_file(context, folder):
    path = context / folder
    return path / "pyproject.toml" if path.is_dir() else path


def check_project(path, found):
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    for text in content.get("project", {}).get("dependencies", []):
        check_requirement(text, found)
    for name, wanted in content.get("tool", {}).get("poetry", {}).get("dependencies", {}).items():
        optional = isinstance(wanted, dict) and wanted.get("optional")
        if name != "python" and not optional and installed(name) is None:
            version = wanted.get("version", "") if isinstance(wanted, dict) else wanted
            found.lack(name, f"not installed; the project wants {version}" if version else "not installed")


def check_apt(packages, found):
    wanted = [name for name in packages if name not in SCAFFOLD_APT]
    query = shutil.which("dpkg-query")
    if query is None and wanted:
        found.note(f"apt packages can not be checked here: {' '.join(wanted)}")
        return
    for name in wanted:
        shown = subprocess.run([query, "-W", "-f=${Status}", name.split("=")[0]], capture_output=True, text=True, timeout=10)
        if "ok installed" not in shown.stdout:
            found.apt.append(name)


def add_options(options, found):
    found.options += [f"--index-url={options.index_url}"] if options.index_url else []
    found.options += [f"--extra-index-url={url}" for url in options.extra_index_urls]
    found.options += ["--pre"] if options.pre else []


def check_layer(layer, context, found):
    kind = layer.WhichOneof("layer")
    value = getattr(layer, kind) if kind else None
    if kind == "pip_packages":
        add_options(value.options, found)
        for text in value.packages:
            check_requirement(text, found)
    elif kind == "requirements":
        add_options(value.options, found)
        read_requirements(context / value.file, found)
    elif kind == "python_wheels":
        if value.package_name and installed(value.package_name) is None:
            found.lack(value.package_name, "not installed; the image takes it from a wheel of yours")
    elif kind in ("uv_project", "poetry_project"):
        check_project(project_file(context, value.pyproject), found)
    elif kind == "apt_packages":
        check_apt(value.packages, found)
    elif kind:
        found.note(f"the layer {kind} is not applied: a task here is a process in one Python environment")


def unpack(archive, folder):
    with tarfile.open(archive, "r:*") as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
            return
        members = [one for one in tar.getmembers() if one.isfile() or one.isdir()]
        inside = [one for one in members if not one.name.startswith("/") and ".." not in pathlib.PurePath(one.name).parts]
        tar.extractall(folder, members=inside)


def check(spec, archive=""):
    """`spec` is the serialised ImageSpec, `archive` a path. Gives (message, notes); the message is empty when nothing is lacking."""
    image = definition_pb2.ImageSpec.FromString(spec)
    found = Found()
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if image.python_version and image.python_version != own:
        found.problems.append(f"it wants Python {image.python_version}, tasks here run with Python {own}")
    with tempfile.TemporaryDirectory() as folder:
        if archive:
            unpack(archive, folder)
        for layer in image.layers:
            try:
                check_layer(layer, pathlib.Path(folder), found)
            except (OSError, ValueError) as error:
                found.problems.append(f"its layer {layer.WhichOneof('layer')} can not be read: {error}")
    return message(found), found.notes


def message(found):
    lines = [f"  {problem}" for problem in found.problems]
    if found.lacking:
        lines += [f"  {requirement} ({why})" for requirement, why in found.lacking.items()]
        command = [sys.executable, "-m", "pip", "install", *found.options, *found.lacking]
        lines += ["Install into it what is missing:", f"  {shlex.join(command)}"]
    if found.apt:
        lines += [f"  {name} (apt package, not installed)" for name in found.apt]
        lines += ["Install them on this machine:", f"  sudo apt-get install {shlex.join(found.apt)}"]
    if not lines:
        return ""
    return "\n".join(["the Python environment in which tasks run here lacks what the image asks for:", *lines])


if __name__ == "__main__":
    text, remarks = check(pathlib.Path(sys.argv[1]).read_bytes(), sys.argv[2])
    print(json.dumps({"message": text, "notes": remarks}))
