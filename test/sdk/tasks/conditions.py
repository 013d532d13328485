"""Tasks that wait for an answer. See run_feature.py."""

import asyncio
import os

import flyte
import flyte.errors
from run_feature import main

env = flyte.TaskEnvironment(name="conditions")


async def ask(name: str, data_type: type, timeout: float | None = None):
    condition = await flyte.new_condition.aio(
        name, prompt=f"What about {name}?", data_type=data_type, description="asked by a test", timeout=timeout
    )
    return await condition.wait.aio()


@env.task
async def approve() -> str:
    return "approved" if await ask("approval", bool) else "refused"


@env.task
async def all_types() -> str:
    answers = await asyncio.gather(ask("b", bool), ask("i", int), ask("f", float), ask("s", str))
    return repr(answers)


@env.task
async def nobody_answers() -> str:
    try:
        await ask("silence", bool, timeout=1.5)
    except flyte.errors.ConditionTimedoutError as error:
        return f"gave up: {error}"
    return "answered"


@env.task(retries=2)
async def asks_once() -> str:
    answer = await ask("once", int)
    attempt = int(os.environ["FLYTE_ATTEMPT_NUMBER"])
    print(f"attempt {attempt} got {answer}", flush=True)
    if attempt < 2:
        raise ValueError("try again")
    return f"{answer} in attempt {attempt}"


@env.task
async def registers_only() -> str:
    await flyte.new_condition.aio("never-awaited")
    return "did not wait"


FEATURES = {
    "approve": (approve, {}),
    "all_types": (all_types, {}),
    "nobody_answers": (nobody_answers, {}),
    "asks_once": (asks_once, {}),
    "registers_only": (registers_only, {}),
}

if __name__ == "__main__":
    main(FEATURES)
