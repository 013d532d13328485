"""Tasks that ask for more than there is, or take more than they asked for. Run as features.py is: python limits.py <feature>."""

import asyncio

import flyte
import flyte.errors
from run_feature import main

env = flyte.TaskEnvironment(name="limits")
small = flyte.TaskEnvironment(name="small", resources=flyte.Resources(memory=("200Mi", "350Mi")))
core = flyte.TaskEnvironment(name="core", resources=flyte.Resources(cpu=1, memory="1500Mi"))
huge = flyte.TaskEnvironment(name="huge", resources=flyte.Resources(cpu=64))


@small.task
def takes(mebibytes: int) -> int:
    print(f"taking {mebibytes} MiB", flush=True)
    taken = []
    for _ in range(mebibytes // 10):
        taken.append(bytearray(b"x" * (10 << 20)))
    return sum(map(len, taken)) >> 20


@env.task
async def gives_more() -> str:
    try:
        await takes.aio(500)
    except flyte.errors.OOMError as error:
        more = takes.override(resources=flyte.Resources(memory=("200Mi", "1500Mi")))
        return f"{type(error).__name__} {error.code}, then {await more.aio(500)}"
    return "was not killed"


@core.task
async def nested(depth: int) -> int:
    if depth == 0:
        return 0
    return 1 + await nested(depth - 1)


@core.task
async def child(n: int) -> int:
    return n


@core.task
async def fans_out(n: int) -> int:
    return sum(await asyncio.gather(*(child(i) for i in range(n))))


@huge.task
def never_placed() -> str:
    return "never"


FEATURES = {
    "oom": (takes, {"mebibytes": 5000}),
    "gives_more": (gives_more, {}),
    "nested": (nested, {"depth": 3}),
    "fans_out": (fans_out, {"n": 6}),
    "leaf": (child, {"n": 1}),
    "never_placed": (never_placed, {}),
}


if __name__ == "__main__":
    main(FEATURES)
