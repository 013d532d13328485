"""The smallest tasks there are, for the benchmarks: python hello.py hello|cached|family runs one and prints the run's name, when it has ended if it ends."""

import asyncio
import sys

import flyte

env = flyte.TaskEnvironment(name="bench")


@env.task
def hello(name: str) -> str:
    return f"hello {name}"


@env.task(cache=flyte.Cache(behavior="override", version_override="1"))
def cached(name: str) -> str:
    return f"hello {name}"


@env.task
async def sleep(index: int) -> None:
    await asyncio.sleep(600)


@env.task
async def family(name: str) -> str:
    """Five pods that run until somebody stops them."""
    await asyncio.gather(*(sleep(index) for index in range(4)))
    return name


if __name__ == "__main__":
    flyte.init_from_config()
    run = flyte.run({"hello": hello, "cached": cached, "family": family}[sys.argv[1]], name="world")
    if sys.argv[1] != "family":
        run.wait(quiet=True)
    print(run.name, flush=True)
