"""A run that fails in its second half, to be run again. See run_feature.py."""

import asyncio
import os

import flyte
from run_feature import main

env = flyte.TaskEnvironment(name="reruns")


def count(folder: str, name: str) -> None:
    with open(os.path.join(folder, name), "a") as file:
        file.write("x")


@env.task
def square(folder: str, i: int) -> int:
    count(folder, f"square-{i}")
    return i * i


@flyte.trace
async def note(folder: str) -> str:
    count(folder, "note")
    return "noted"


@env.task
def needs_flag(folder: str) -> str:
    count(folder, "needs_flag")
    if not os.path.exists(os.path.join(folder, "flag")):
        raise ValueError("there is no flag")
    return "found the flag"


@env.task
async def two_halves(folder: str, n: int = 3) -> str:
    total = sum(await asyncio.gather(*(square.aio(folder, i) for i in range(n))))
    noted = await note(folder)
    condition = await flyte.new_condition.aio("go-on", data_type=int)
    answer = await condition.wait.aio()
    return f"{total}, {noted}, {answer}, {await needs_flag.aio(folder)}"


FEATURES = {"two_halves": (two_halves, {"folder": os.environ.get("COUNTS", "")})}

if __name__ == "__main__":
    main(FEATURES)
