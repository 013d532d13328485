"""What tasks and the user's own program do with data: files, folders, values, reports. Run as features.py is: python data.py <feature>.

Features whose function is in `AFTER` go on in the user's program once the run has ended; what it finds is printed as "laptop".
"""

import asyncio
import dataclasses
import datetime
import enum
import hashlib
import json
import os
import pathlib
import resource
import sys
import tempfile
from typing import Optional

import flyte
import flyte.io
import flyte.report
from pydantic import BaseModel

env = flyte.TaskEnvironment(name="data")

MIB = 1024 * 1024


def block(i: int) -> bytes:
    """A mebibyte that no other block is."""
    return hashlib.sha256(str(i).encode()).digest() * (MIB // 32)


def digest_of(mib: int) -> str:
    whole = hashlib.md5()
    for i in range(mib):
        whole.update(block(i))
    return whole.hexdigest()


@env.task
async def write_big(mib: int) -> flyte.io.File:
    """Streams it: in no moment is more than a part of it in memory."""
    file = flyte.io.File.new_remote()
    async with file.open("wb") as handle:
        for i in range(mib):
            await handle.write(block(i))
    return file


@env.task
async def digest_big(file: flyte.io.File) -> str:
    whole = hashlib.md5()
    async with file.open("rb") as handle:
        while chunk := bytes(await handle.read(4 * MIB)):
            whole.update(chunk)
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} KiB", flush=True)
    return whole.hexdigest()


@env.task
async def upload_big(mib: int) -> flyte.io.File:
    """From a file on the task's own disk."""
    with tempfile.NamedTemporaryFile(dir=".", suffix=".bin", delete=False) as local:
        for i in range(mib):
            local.write(block(i))
    return await flyte.io.File.from_local(local.name)


@env.task
async def digest_downloaded(file: flyte.io.File) -> str:
    path = pathlib.Path(await file.download())
    return hashlib.md5(path.read_bytes()).hexdigest()


@env.task
async def big(mib: int) -> tuple[flyte.io.File, list[str]]:
    streamed, uploaded = await asyncio.gather(write_big(mib), upload_big(mib))
    found = await asyncio.gather(
        digest_big(streamed), digest_downloaded(streamed), digest_big(uploaded), digest_downloaded(uploaded)
    )
    return streamed, list(found)


@env.task
def sync_file(text: str) -> flyte.io.File:
    file = flyte.io.File.new_remote()
    with file.open_sync("wb") as handle:
        handle.write(text.encode())
    return file


@env.task
def make_folder() -> flyte.io.Dir:
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / "sub folder/deeper").mkdir(parents=True)
        (root / "top.txt").write_text("top")
        (root / "sub folder/ü + x.txt").write_text("odd name")
        (root / "sub folder/deeper/empty").write_bytes(b"")
        return flyte.io.Dir.from_local_sync(name)


@env.task
async def look_into(folder: flyte.io.Dir) -> list[str]:
    root = pathlib.Path(await folder.download())
    found = [f"{path.relative_to(root)}={path.read_text()}" for path in root.rglob("*") if path.is_file()]
    walked = [file.name async for file in folder.walk()]
    top = [file.name for file in await folder.list_files()]
    one = await folder.get_file("top.txt")
    assert one is not None
    async with one.open("rb") as handle:
        text = bytes(await handle.read()).decode()
    return sorted(found) + ["walked " + " ".join(sorted(walked)), "top " + " ".join(sorted(top)), f"one {text}"]


@env.task
async def folders() -> tuple[flyte.io.Dir, list[str]]:
    folder = await make_folder.aio()
    return folder, await look_into(folder)


@env.task
async def from_laptop(file: flyte.io.File, folder: flyte.io.Dir) -> list[str]:
    async with file.open("rb") as handle:
        text = bytes(await handle.read()).decode()
    return [text, *(await look_into(folder))]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    x: int
    y: float
    label: Optional[str] = None


class Shape(BaseModel):
    name: str
    points: list[Point]
    tags: dict[str, int] = {}


@env.task
async def echo(
    point: Point,
    shape: Shape,
    when: datetime.datetime,
    how_long: datetime.timedelta,
    colour: Colour,
    table: dict[str, list[float]],
    maybe: Optional[int],
    flag: bool,
    text: str,
) -> tuple[Point, Shape, datetime.datetime, datetime.timedelta, Colour, dict[str, list[float]], Optional[int], bool, str]:
    return point, shape, when, how_long, colour, table, maybe, flag, text


VALUES = {
    "point": Point(x=2**53 + 1, y=-0.5),
    "shape": Shape(name="ü", points=[Point(1, 2.5, "a"), Point(0, 0.0)], tags={"k": 1}),
    "when": datetime.datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=datetime.timezone.utc),
    "how_long": datetime.timedelta(days=400, microseconds=1),
    "colour": Colour.BLUE,
    "table": {"a": [1.0, 2.5], "b": []},
    "maybe": None,
    "flag": True,
    "text": "line\nü\u0000\U0001f600",
}


@env.task
async def values() -> bool:
    """By way of a child, so that they travel as inputs and as outputs."""
    got = await echo(**VALUES)
    assert list(got) == list(VALUES.values()), got
    return True


@env.task(report=True)
async def growing(steps: int, folder: str) -> None:
    """A step each time that the file of its number appears."""
    for step in range(steps):
        await flyte.report.log.aio(f"<p>step {step}</p>", do_flush=True)
        print(f"reported {step}", flush=True)
        while not os.path.exists(os.path.join(folder, str(step))):
            await asyncio.sleep(0.05)


@env.task
def large_output(mib: int) -> str:
    return "x" * (mib * MIB)


@env.task
def length(text: str) -> int:
    return len(text)


@env.task
async def through_values(mib: int) -> int:
    return await length.aio(await large_output.aio(mib))


@env.task
def leaf(i: int) -> int:
    return i


@env.task
async def many(n: int) -> int:
    total = 0
    async for value in flyte.map.aio(leaf, range(n)):
        total += value
    return total


@env.task
async def chain(depth: int) -> int:
    return 0 if depth == 0 else 1 + await chain(depth - 1)


async def read_output(outputs):
    """The user's program reads what the tasks wrote, with the settings that `homeplane up` printed."""
    whole, size = hashlib.md5(), 0
    async with outputs[0].open("rb") as handle:
        while chunk := bytes(await handle.read(4 * MIB)):
            whole.update(chunk)
            size += len(chunk)
    return [size, whole.hexdigest()]


async def read_folder(outputs):
    root = pathlib.Path(await outputs[0].download())
    return sorted(f"{path.relative_to(root)}={path.read_text()}" for path in root.rglob("*") if path.is_file())


def local_inputs() -> dict:
    root = pathlib.Path(tempfile.mkdtemp())
    (root / "folder/sub").mkdir(parents=True)
    (root / "folder/top.txt").write_text("from the laptop's folder")
    (root / "folder/sub/other").write_text("deeper")
    (root / "file ü.txt").write_text("from the laptop")
    return {
        "file": flyte.io.File.from_local_sync(str(root / "file ü.txt")),
        "folder": flyte.io.Dir.from_local_sync(str(root / "folder")),
    }


BIG_MIB = int(os.environ.get("BIG_MIB", "100"))
FEATURES = {
    "big": (big, lambda: {"mib": BIG_MIB}),
    "sync_file": (sync_file, lambda: {"text": "written without async"}),
    "folders": (folders, dict),
    "from_laptop": (from_laptop, local_inputs),
    "values": (values, dict),
    "growing": (growing, lambda: {"steps": 3, "folder": os.environ["FOLDER"]}),
    "large_output": (large_output, lambda: {"mib": 21}),
    "large_input": (length, lambda: {"text": "x" * (11 * MIB)}),
    "through_values": (through_values, lambda: {"mib": 8}),
    "too_large_between": (through_values, lambda: {"mib": 11}),
    "many": (many, lambda: {"n": int(os.environ.get("MANY", "300"))}),
    "chain": (chain, lambda: {"depth": int(os.environ.get("DEPTH", "12"))}),
}
AFTER = {"big": read_output, "sync_file": read_output, "folders": read_folder}


def main() -> None:
    feature = sys.argv[1]
    task, inputs = FEATURES[feature]
    flyte.init_from_config()
    run = flyte.run(task, **inputs())
    print(json.dumps({"run": run.name}), flush=True)
    if "--no-wait" in sys.argv:
        return
    run.wait(quiet=True)
    run.sync()
    phase = str(run.phase)
    outputs = list(run.outputs()) if phase.endswith("SUCCEEDED") else None
    laptop = asyncio.run(AFTER[feature](outputs)) if feature in AFTER and outputs is not None else None
    print(json.dumps({"phase": phase, "outputs": outputs, "laptop": laptop}, default=str), flush=True)


if __name__ == "__main__":
    main()
