"""Tasks whose time is bounded, that are tried again later, or that are ended by others. Run as features.py is: python timeouts.py <feature>."""

import asyncio
import json
import os
import signal
import sys
import time
from datetime import timedelta

import flyte
import flyte.errors
from run_feature import tell

env = flyte.TaskEnvironment(name="timeouts")


def attempt() -> int:
    return int(os.environ["FLYTE_ATTEMPT_NUMBER"]) + 1


@env.task(timeout=2)
def runs_long() -> str:
    print("started", flush=True)
    time.sleep(60)
    return "never"


@env.task(retries=2, timeout=timedelta(seconds=6))
def slow_at_first() -> str:
    if attempt() < 3:
        time.sleep(60)
    return f"attempt {attempt()}"


@env.task(timeout=flyte.Timeout(max_queued_time=timedelta(seconds=3)))
def waits_for_a_place() -> str:
    return "never"


@env.task
async def full_house() -> str:
    """With one slot: while the sleeper has it, the other child finds none."""
    sleeping = asyncio.create_task(sleeper.aio(600))
    await asyncio.sleep(4)
    try:
        return await waits_for_a_place.aio()
    except flyte.errors.TaskTimeoutError as error:
        return f"{type(error).__name__} {error.code}"
    finally:
        sleeping.cancel()


@env.task(retries=100, timeout=flyte.Timeout(deadline=timedelta(seconds=6)))
def never_done() -> str:
    time.sleep(1)
    raise ValueError(f"attempt {attempt()} fails")


@env.task(retries=100, timeout=flyte.Timeout(deadline=timedelta(seconds=20)))
def fails_again_and_again() -> str:
    raise ValueError(f"attempt {attempt()} fails")


@env.task(timeout=flyte.Timeout(max_runtime=30, max_queued_time=60, deadline=120))
def quick() -> str:
    return "in time"


@env.task
async def catches(which: str) -> str:
    child = {"runtime": runs_long, "deadline": never_done}[which]
    try:
        return await child.aio()
    except flyte.errors.TaskTimeoutError as error:
        return f"{type(error).__name__} {error.code}"


@env.task(
    retries=flyte.RetryStrategy(count=2, backoff=flyte.Backoff(base=timedelta(seconds=2), factor=2.0, cap=timedelta(seconds=3)))
)
def paced() -> str:
    if attempt() < 3:
        raise ValueError(f"attempt {attempt()} fails")
    return f"attempt {attempt()}"


@env.task
def system_exit() -> None:
    raise SystemExit(3)


@env.task
def os_exit() -> None:
    os._exit(7)


@env.task
def killed_once(flag: str) -> str:
    if not os.path.exists(flag):
        open(flag, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return f"attempt {attempt()}"


@env.task(retries=3)
def hopeless() -> None:
    raise flyte.errors.NonRecoverableError("never again")


@env.task
def sleeper(seconds: int) -> None:
    print("sleeping", flush=True)
    time.sleep(seconds)


@env.task
async def middle(seconds: int) -> None:
    await asyncio.gather(sleeper.aio(seconds), sleeper.aio(seconds + 1))


@env.task
async def tree(seconds: int) -> None:
    await asyncio.gather(middle(seconds), middle(seconds + 10))


@env.task
async def cancels() -> str:
    other = asyncio.create_task(sleeper.aio(301))
    doomed = asyncio.create_task(sleeper.aio(300))
    await asyncio.sleep(6)
    doomed.cancel()
    other.cancel()
    seen = await asyncio.gather(doomed, other, return_exceptions=True)
    return " ".join(type(one).__name__ for one in seen)


FEATURES = {
    "runtime": (runs_long, {}),
    "runtime_retried": (slow_at_first, {}),
    "queued": (waits_for_a_place, {}),
    "deadline": (never_done, {}),
    "deadline_retried": (fails_again_and_again, {}),
    "quick": (quick, {}),
    "catches_runtime": (catches, {"which": "runtime"}),
    "catches_queued": (full_house, {}),
    "sleeper": (sleeper, {"seconds": 600}),
    "catches_deadline": (catches, {"which": "deadline"}),
    "paced": (paced, {}),
    "system_exit": (system_exit, {}),
    "os_exit": (os_exit, {}),
    "killed_once": (killed_once, {"flag": os.environ.get("FLAG", "")}),
    "hopeless": (hopeless, {}),
    "tree": (tree, {"seconds": 300}),
    "cancels": (cancels, {}),
}


def main() -> None:
    task, inputs = FEATURES[sys.argv[1]]
    flyte.init_from_config()
    run = flyte.run(task, **inputs)
    if tell(run) and hasattr(run, "raise_for_status"):
        try:
            run.raise_for_status()
        except Exception as error:
            print(json.dumps({"raised": type(error).__name__}), flush=True)


if __name__ == "__main__":
    main()
    # What the client's libraries do while the interpreter is taken down is not what is tested.
    sys.stdout.flush()
    os._exit(0)
