"""A container that knows nothing of Flyte, from the user's program and from another task. See run_feature.py; what the user's program finds in the outputs is
printed as "laptop"."""

import asyncio
import datetime
import json
import os
import pathlib
import sys
import tempfile

import flyte
import flyte.io
from flyte.extras import ContainerTask

BUSYBOX = os.environ.get("BUSYBOX", "homeplane.test/busybox:1.35")
SCRIPT = """
set -e
cd /var/inputs
echo "looking at {{.inputs.name}}" >&2
echo -n "Hello {{.inputs.name}}: $(cat n) $(cat ratio) $(cat yes)" > /var/outputs/greeting
wc -c < file > /var/outputs/size
echo {{.inputs.ratio}} > /var/outputs/same
[ "$(cat yes)" = true ] && echo false > /var/outputs/no
cp at span /var/outputs/
cp file /var/outputs/copy
cp -r folder /var/outputs/tree
cat files/0 files/1 > /var/outputs/tree/joined
"""
OUTPUTS = {
    "greeting": str,
    "size": int,
    "same": float,
    "no": bool,
    "at": datetime.datetime,
    "span": datetime.timedelta,
    "copy": flyte.io.File,
    "tree": flyte.io.Dir,
}
look = ContainerTask(
    name="look",
    image=BUSYBOX,
    inputs={
        "name": str,
        "n": int,
        "ratio": float,
        "yes": bool,
        "at": datetime.datetime,
        "span": datetime.timedelta,
        "file": flyte.io.File,
        "folder": flyte.io.Dir,
        "files": list[flyte.io.File],
    },
    outputs=OUTPUTS,
    command=["/bin/sh", "-c", SCRIPT],
)
forgets = ContainerTask(name="forgets", image=BUSYBOX, outputs={"answer": int}, command=["/bin/sh", "-c", "echo done"])
garbles = ContainerTask(
    name="garbles", image=BUSYBOX, outputs={"answer": int}, command=["/bin/sh", "-c", "echo many > /var/outputs/answer"]
)
breaks = ContainerTask(
    name="breaks", image=BUSYBOX, inputs={"code": int}, command=["/bin/sh", "-c", "echo last words; exit {{.inputs.code}}"]
)
containers = flyte.TaskEnvironment.from_task("containers", look, forgets, garbles, breaks)
env = flyte.TaskEnvironment(name="around", depends_on=[containers])
SPAN = datetime.timedelta(minutes=1, seconds=30.5)
AT = datetime.datetime(2031, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)


async def file_of(text: str) -> flyte.io.File:
    file = flyte.io.File.new_remote()
    async with file.open("wb") as handle:
        await handle.write(text.encode())
    return file


async def found(
    greeting: str,
    size: int,
    same: float,
    no: bool,
    at: datetime.datetime,
    span: datetime.timedelta,
    copy: flyte.io.File,
    tree: flyte.io.Dir,
) -> list[str]:
    async with copy.open("rb") as handle:
        text = bytes(await handle.read()).decode()
    root = pathlib.Path(await tree.download())
    files = sorted(f"{path.relative_to(root)}={path.read_text()}" for path in root.rglob("*") if path.is_file())
    return [greeting, str(size), str(same), str(no), at.isoformat(), str(span), text, *files]


@env.task
async def around(name: str) -> list[str]:
    """A task makes the files, a raw container looks at them, the task reads what that left."""
    with tempfile.TemporaryDirectory() as local:
        (pathlib.Path(local) / "top").write_text("of a task")
        folder = await flyte.io.Dir.from_local(local)
    files = [await file_of("one "), await file_of("two")]
    outputs = await look.aio(
        name=name, n=7, ratio=0.5, yes=True, at=AT, span=SPAN, file=await file_of("a task's"), folder=folder, files=files
    )
    return await found(*outputs)


def local_inputs() -> dict:
    root = pathlib.Path(tempfile.mkdtemp())
    (root / "folder").mkdir()
    (root / "folder/top").write_text("of the laptop")
    (root / "one").write_text("one ")
    (root / "two").write_text("two")
    one, two = (flyte.io.File.from_local_sync(str(root / name)) for name in ("one", "two"))
    folder = flyte.io.Dir.from_local_sync(str(root / "folder"))
    return {"name": "world", "n": 42, "ratio": 1.25, "yes": True, "at": AT, "span": SPAN, "file": two, "folder": folder, "files": [one, two]}


FEATURES = {
    "look": (look, local_inputs),
    "around": (around, lambda: {"name": "task"}),
    "forgets": (forgets, dict),
    "garbles": (garbles, dict),
    "breaks": (breaks, lambda: {"code": 9}),
}


def main() -> None:
    feature = sys.argv[1]
    task, inputs = FEATURES[feature]
    flyte.init_from_config()
    run = flyte.run(task, **inputs())
    print(json.dumps({"run": run.name}), flush=True)
    run.wait(quiet=True)
    run.sync()
    phase = str(run.phase)
    outputs = run.outputs() if phase.endswith("SUCCEEDED") else None
    # In a run's outputs the SDK has them in the order of their names.
    named = dict(zip(sorted(OUTPUTS), outputs or ()))
    laptop = asyncio.run(found(**named)) if feature == "look" and outputs is not None else None
    print(json.dumps({"phase": phase, "outputs": outputs and list(outputs), "laptop": laptop}, default=str), flush=True)


if __name__ == "__main__":
    main()
