"""Tasks that show one feature of the SDK each. Run by the tests beside this folder: python features.py <feature>.

Prints one JSON object a line: {"run": name} as soon as the run exists, then {"phase": ..., "outputs": [...]}.
"""

import asyncio
import json
import os
import signal
import sys
import time

import flyte
import flyte.errors
import flyte.io
import flyte.report

env = flyte.TaskEnvironment(name="features")

if os.environ.get("ACTION_NAME") and os.environ.get("FEATURE") == "import_error":
    import no_such_module_anywhere  # noqa: F401


@env.task
def square(x: int) -> int:
    print(f"squaring {x}", flush=True)
    return x * x


@env.task
async def gather(n: int) -> int:
    return sum(await asyncio.gather(*(square.aio(i) for i in range(n))))


@env.task
async def map_squares(n: int) -> list[int]:
    return list(flyte.map(square, range(n)))


@env.task
async def nested(depth: int) -> int:
    if depth == 0:
        return 0
    return 1 + await nested(depth - 1)


@env.task(retries=3)
def third_time_lucky() -> str:
    attempt = int(os.environ["FLYTE_ATTEMPT_NUMBER"]) + 1
    print(f"this is attempt {attempt}", flush=True)
    if attempt < 3:
        raise ValueError(f"attempt {attempt} fails")
    return f"attempt {attempt}"


@env.task(retries=3)
def hopeless() -> None:
    raise flyte.errors.NonRecoverableError("never again")


@env.task
def plain() -> str:
    return "plain"


@env.task(retries=1)
def exits() -> None:
    print("about to leave", flush=True)
    os._exit(7)


@env.task
async def write_file(text: str) -> flyte.io.File:
    file = flyte.io.File.new_remote()
    async with file.open("wb") as handle:
        await handle.write(text.encode())
    return file


@env.task
async def read_file(file: flyte.io.File) -> str:
    async with file.open("rb") as handle:
        return bytes(await handle.read()).decode()


@env.task
async def files(text: str) -> str:
    return await read_file(await write_file(text))


@env.task(report=True)
async def report() -> None:
    await flyte.report.replace.aio("<h1>a report of its own</h1>")
    await flyte.report.flush.aio()


@env.task
def ticks(n: int) -> None:
    for i in range(n):
        print(f"tick {i}", flush=True)
        time.sleep(0.2)


@env.task
def sleeper(seconds: int) -> None:
    print("sleeping", flush=True)
    time.sleep(seconds)


@env.task
async def family(children: int, seconds: int) -> None:
    await asyncio.gather(*(sleeper.aio(seconds + i) for i in range(children)))


@env.task
def binary() -> str:
    sys.stdout.buffer.write(bytes(range(256)) * 4 + b"\n" + b"\xff\xfe no newline at the end")
    sys.stdout.buffer.flush()
    return "printed"


@env.task
async def half_done(children: int, flag: str) -> int:
    """Ends only once `flag` exists: children first, then a wait in which homeplane is killed."""
    total = sum(await asyncio.gather(*(square.aio(i) for i in range(children))))
    print("children are done", flush=True)
    while not os.path.exists(flag):
        await asyncio.sleep(0.1)
    return total


@env.task
def killed_once(flag: str) -> str:
    if not os.path.exists(flag):
        open(flag, "w").close()
        print("about to be killed", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return "second life"


@flyte.trace
async def step(i: int) -> int:
    return i + 1


@env.task
async def traced(n: int) -> int:
    total = 0
    for i in range(n):
        total += await step(i)
    return total


@env.task
async def traced_and_waiting(n: int, flag: str) -> int:
    total = sum(await asyncio.gather(*(step(i) for i in range(n))))
    while not os.path.exists(flag):
        await asyncio.sleep(0.1)
    return total


@flyte.trace
async def bad_step(i: int) -> int:
    raise ValueError(f"step {i} went wrong")


@env.task
async def traced_badly() -> str:
    try:
        return str(await bad_step(7))
    except ValueError as error:
        return f"caught: {error}"


FEATURES = {
    "gather": (gather, {"n": 5}),
    "map": (map_squares, {"n": 20}),
    "nested": (nested, {"depth": 3}),
    "retry": (third_time_lucky, {}),
    "non_recoverable": (hopeless, {}),
    "import_error": (plain, {}),
    "plain": (plain, {}),
    "exits": (exits, {}),
    "files": (files, {"text": "through the object store"}),
    "report": (report, {}),
    "ticks": (ticks, {"n": 10}),
    "family": (family, {"children": 3, "seconds": 120}),
    "binary": (binary, {}),
    "half_done": (half_done, {"children": 3, "flag": os.environ.get("FLAG", "")}),
    "killed_once": (killed_once, {"flag": os.environ.get("FLAG", "")}),
    "traced": (traced, {"n": 3}),
    "traced_and_waiting": (traced_and_waiting, {"n": 20, "flag": os.environ.get("FLAG", "")}),
    "traced_badly": (traced_badly, {}),
}


def main() -> None:
    feature = sys.argv[1]
    task, inputs = FEATURES[feature]
    flyte.init_from_config()
    run = flyte.with_runcontext(env_vars={"FEATURE": feature}).run(task, **inputs)
    print(json.dumps({"run": run.name}), flush=True)
    if "--no-wait" in sys.argv:
        return
    run.wait(quiet=True)
    run.sync()
    phase = str(run.phase)
    outputs = list(run.outputs()) if phase.endswith("SUCCEEDED") else None
    print(json.dumps({"phase": phase, "outputs": outputs}, default=str), flush=True)


if __name__ == "__main__":
    main()
