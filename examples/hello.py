"""The sample workflow that `npm start` runs: estimate pi with a few tasks side by side.

Run it yourself against a running homeplane:

    source ~/.homeplane/env
    python examples/hello.py
"""

import asyncio
import pathlib
import random

import flyte

env = flyte.TaskEnvironment(name="hello")


@env.task
async def throw_darts(seed: int, darts: int) -> int:
    """Count the darts that land inside the quarter circle."""
    rng = random.Random(seed)
    hits = sum(rng.random() ** 2 + rng.random() ** 2 <= 1 for _ in range(darts))
    print(f"seed {seed}: {hits} of {darts} darts hit", flush=True)
    return hits


@env.task
async def main(workers: int = 4, darts: int = 200_000) -> float:
    print(f"asking {workers} tasks to throw {darts} darts each", flush=True)
    hits = await asyncio.gather(*(throw_darts(seed, darts) for seed in range(workers)))
    pi = 4 * sum(hits) / (workers * darts)
    print(f"pi is about {pi}", flush=True)
    return pi


if __name__ == "__main__":
    # The folder whose code is sent along; without it, that is the current one, and this file would have to be below it.
    flyte.init_from_config(root_dir=pathlib.Path(__file__).parent)
    run = flyte.run(main)
    print(f"run {run.name}", flush=True)
    print(f"url {run.url}", flush=True)
    run.wait(quiet=True)
    print(f"result {run.outputs()[0]}", flush=True)
