"""A parent that fans children out in waves, while the control plane may be away. Run as features.py is: python away.py waves."""

import asyncio
import os
import sys
import time

import flyte
from run_feature import tell

env = flyte.TaskEnvironment(name="away")


def note(folder: str, name: str, word: str) -> None:
    """One write to a file that is opened for appending, with the time."""
    with open(os.path.join(folder, name), "a") as file:
        file.write(f"{word} {time.time()}\n")


@env.task
def wave_child(child: int, folder: str) -> int:
    note(folder, f"child-{child}", "began")
    time.sleep(0.3)
    note(folder, f"child-{child}", "ended")
    return child


@env.task(cache="auto")
def cached_child(child: int, folder: str) -> int:
    note(folder, f"cached-{child}", "began")
    note(folder, f"cached-{child}", "ended")
    return child


@env.task
async def waves(folder: str, count: int, size: int, pause: float) -> int:
    note(folder, "parent", "began")
    total = 0
    for wave in range(count):
        first = wave * size
        plain = [wave_child.aio(child, folder) for child in range(first, first + size - 1)]
        total += sum(await asyncio.gather(*plain, cached_child.aio(first + size - 1, folder)))
        note(folder, "waves", str(wave))
        await asyncio.sleep(pause)
    note(folder, "parent", "ended")
    return total


@env.task
def hello(name: str) -> str:
    print(f"hello {name}", flush=True)
    return f"hello {name}"


def main() -> None:
    flyte.init_from_config()
    if sys.argv[1] == "waves":
        count, size, pause = int(os.environ["COUNT"]), int(os.environ["SIZE"]), float(os.environ["PAUSE"])
        run = flyte.run(waves, folder=os.environ["FOLDER"], count=count, size=size, pause=pause)
    else:
        run = flyte.run(hello, name="you")
    tell(run)


if __name__ == "__main__":
    main()
