"""Tasks whose results are cached: python caching.py <task> [--no-wait]. Inputs and options come from the environment.

Each real execution leaves a file in $MARKS, so that a test can count them. Prints {"run": name}, then {"phase": ..., "outputs": [...]}.
"""

import asyncio
import os
import sys
import time
import uuid
from dataclasses import dataclass

import flyte
import flyte.io
from run_feature import tell

env = flyte.TaskEnvironment(name="caching")
VERSION = os.environ.get("CACHE_VERSION", "v1")


def cached(**more) -> flyte.Cache:
    return flyte.Cache(behavior="override", version_override=VERSION, **more)


def mark(task: str) -> None:
    with open(os.path.join(os.environ["MARKS"], f"{task}-{uuid.uuid4().hex}"), "w"):
        pass


@dataclass
class Point:
    zone: str
    x: int
    y: float


@env.task(cache=cached())
def square(x: int) -> int:
    mark("square")
    return x * x


@env.task(cache="auto")
def cube(x: int) -> int:
    mark("cube")
    return x**3


@env.task(cache=cached(ignored_inputs=("note",)))
def noted(x: int, note: str) -> int:
    mark("noted")
    return x


@env.task(cache=cached(serialize=True))
def slow(x: int) -> int:
    mark("slow")
    time.sleep(4)
    return x


@env.task(cache=cached())
def nothing() -> None:
    mark("nothing")


@env.task(cache=cached())
def point(p: Point, names: dict[str, int], tags: list[str], extra: dict) -> str:
    mark("point")
    return f"{p.zone}{p.x}{p.y}{sorted(names)}{tags}{sorted(extra)}"


@env.task(cache=cached(), retries=1)
def fails(x: int) -> int:
    mark("fails")
    raise ValueError("always")


@env.task(cache=cached())
def a_file(f: flyte.io.File) -> str:
    mark("a_file")
    with f.open_sync("rb") as opened:
        return opened.read().decode()


@env.task
async def parent(x: int) -> int:
    mark("parent")
    return await square.aio(x) + 1


@env.task
async def parent_of_point(p: Point, names: dict[str, int], tags: list[str], extra: dict) -> str:
    return await point.aio(p, names, tags, extra)


@env.task
async def parent_of_nothing() -> None:
    await nothing.aio()


@env.task
async def twins(x: int) -> list[int]:
    return list(await asyncio.gather(slow.aio(x), slow.aio(x)))


@env.task
async def squares(n: int) -> list[int]:
    return list(flyte.map(square, range(n)))


POINT = {
    "p": Point("a", 1, 2.5),
    "names": {"b": 1, "a": 2, "10": 3, "9": 4},
    "tags": ["x", "y"],
    "extra": {"k": [1, {"z": 1.5, "a": None}]},
}
X = int(os.environ.get("X", "3"))

TASKS = {
    "square": (square, {"x": X}),
    "cube": (cube, {"x": X}),
    "noted": (noted, {"x": X, "note": os.environ.get("NOTE", "")}),
    "slow": (slow, {"x": X}),
    "nothing": (nothing, {}),
    "point": (point, POINT),
    "fails": (fails, {"x": X}),
    "parent": (parent, {"x": X}),
    "parent_of_point": (parent_of_point, POINT),
    "parent_of_nothing": (parent_of_nothing, {}),
    "twins": (twins, {"x": X}),
    "squares": (squares, {"n": X}),
}


def main() -> None:
    name = sys.argv[1]
    flyte.init_from_config()
    if name == "a_file":
        task, inputs = a_file, {"f": flyte.io.File.from_local_sync(os.environ["FILE"])}
    else:
        task, inputs = TASKS[name]
    context = flyte.with_runcontext(
        env_vars={"CACHE_VERSION": VERSION, "MARKS": os.environ["MARKS"]},
        overwrite_cache=os.environ.get("OVERWRITE") == "1",
    )
    run = context.run(task, **inputs)
    tell(run)


if __name__ == "__main__":
    main()
