"""The smallest tasks there are, for the benchmarks: python hello.py hello|cached runs one and prints the run's name."""

import sys

import flyte

env = flyte.TaskEnvironment(name="bench")


@env.task
def hello(name: str) -> str:
    return f"hello {name}"


@env.task(cache=flyte.Cache(behavior="override", version_override="1"))
def cached(name: str) -> str:
    return f"hello {name}"


if __name__ == "__main__":
    flyte.init_from_config()
    run = flyte.run({"hello": hello, "cached": cached}[sys.argv[1]], name="world")
    run.wait(quiet=True)
    print(run.name, flush=True)
