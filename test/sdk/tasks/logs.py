"""Tasks that print: much, long, odd, and at odd moments. Run as features.py is: python logs.py <feature>."""

import asyncio
import json
import os
import sys
import time

import flyte

env = flyte.TaskEnvironment(name="logs")
huge = flyte.TaskEnvironment(name="huge", resources=flyte.Resources(cpu="1000"))


@env.task
def flood(lines: int) -> None:
    """As fast as it can: one write for a thousand lines."""
    for start in range(0, lines, 1000):
        sys.stdout.write("".join(f"line {i:06} {'x' * 60}\n" for i in range(start, min(start + 1000, lines))))
    sys.stdout.flush()


@env.task
def one_long_line(mib: int) -> None:
    for i in range(mib):
        sys.stdout.write(chr(ord("a") + i % 26) * (1024 * 1024))
    sys.stdout.flush()


@env.task
def binary() -> None:
    sys.stdout.buffer.write(b"before\n" + bytes(range(256)) * 8 + b"\nno newline at the end \xff")
    sys.stdout.buffer.flush()


@env.task
def slow(ticks: int, folder: str) -> None:
    """Goes on to the next line when told to; on both streams in turn."""
    for i in range(ticks):
        print(f"tick {i}", file=sys.stderr if i % 2 else sys.stdout, flush=True)
        while not os.path.exists(os.path.join(folder, f"go-{i}")):
            time.sleep(0.05)


@env.task(retries=2)
def attempts() -> None:
    print(f"words of attempt {int(os.environ['FLYTE_ATTEMPT_NUMBER']) + 1}", flush=True)
    raise ValueError("again")


@env.task
async def sleeper() -> None:
    print("asleep", flush=True)
    await asyncio.sleep(300)


@huge.task
def never_starts() -> None:
    print("never", flush=True)


FEATURES = {
    "flood": (flood, {"lines": 200_000}),
    "one_long_line": (one_long_line, {"mib": 5}),
    "binary": (binary, {}),
    "slow": (slow, {"ticks": 6, "folder": os.environ.get("FOLDER", "")}),
    "attempts": (attempts, {}),
    "sleeper": (sleeper, {}),
    "never_starts": (never_starts, {}),
}


def main() -> None:
    task, inputs = FEATURES[sys.argv[1]]
    flyte.init_from_config()
    run = flyte.run(task, **inputs)
    print(json.dumps({"run": run.name}), flush=True)
    if "--no-wait" in sys.argv:
        return
    run.wait(quiet=True)
    run.sync()
    print(json.dumps({"phase": str(run.phase), "outputs": None}), flush=True)


if __name__ == "__main__":
    main()
