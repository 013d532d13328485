"""A parent with 20 children that tell in files outside when they began and ended. Run as features.py is: python recovery.py tell_tale."""

import asyncio
import json
import os
import sys
import time

import flyte

env = flyte.TaskEnvironment(name="recovery")

CHILDREN = 20


def note(folder: str, child: int, word: str) -> None:
    """One write to a file that is opened for appending: two processes never mix their lines."""
    with open(os.path.join(folder, str(child)), "a") as file:
        file.write(f"{word}\n")


@env.task
def tell_tale_child(child: int, folder: str) -> int:
    note(folder, child, "began")
    time.sleep(0.2 + 0.1 * (child % 5))
    note(folder, child, "ended")
    return child


@env.task
async def tell_tale(folder: str) -> int:
    total = sum(await asyncio.gather(*(tell_tale_child.aio(i, folder) for i in range(CHILDREN))))
    while not os.path.exists(os.path.join(folder, "go")):
        await asyncio.sleep(0.1)
    return total


def main() -> None:
    flyte.init_from_config()
    run = flyte.run(tell_tale, folder=os.environ["FOLDER"])
    print(json.dumps({"run": run.name}), flush=True)


if __name__ == "__main__":
    main()
