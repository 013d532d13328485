"""Traces across attempts. What each trace really did is counted in a folder outside of the run. See run_feature.py."""

import asyncio
import os
import signal

import flyte
import flyte.errors
from run_feature import main

env = flyte.TaskEnvironment(name="traces")
FOLDER = os.environ.get("COUNTS", "")


def count(folder: str, name: str) -> int:
    """How often `name` has really run, this time included."""
    path = os.path.join(folder, name)
    with open(path, "a") as file:
        file.write("x")
    return os.path.getsize(path)


@flyte.trace
async def step(folder: str, i: int) -> int:
    count(folder, f"step-{i}")
    return i * i


@flyte.trace
async def fails_for_good(folder: str) -> int:
    count(folder, "fails_for_good")
    raise flyte.errors.NonRecoverableError("this never works")


@flyte.trace
async def fails_once(folder: str) -> str:
    times = count(folder, "fails_once")
    if times == 1:
        raise ValueError("the first time fails")
    return f"worked the {times}nd time"


@env.task(retries=2)
async def retried(folder: str) -> str:
    total = sum(await asyncio.gather(*(step(folder, i) for i in range(5))))
    if int(os.environ["FLYTE_ATTEMPT_NUMBER"]) < 2:
        raise ValueError("not yet")
    return f"total {total}"


@env.task
async def killed(folder: str) -> str:
    total = await step(folder, 3)
    if count(folder, "killed") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"total {total}"


@env.task(retries=1)
async def failures(folder: str) -> str:
    try:
        await fails_for_good(folder)
    except Exception as error:
        said = str(error)
    return f"{said} | {await fails_once(folder)}"


FEATURES = {name: (task, {"folder": FOLDER}) for name, task in
            {"retried": retried, "killed": killed, "failures": failures}.items()}

if __name__ == "__main__":
    main(FEATURES)
