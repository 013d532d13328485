"""Tasks that go on from where an earlier attempt, or a lost pod, has stopped. See run_feature.py."""

import os
import signal

import flyte
from run_feature import main

env = flyte.TaskEnvironment(name="checkpoints")


def load() -> str:
    path = flyte.ctx().checkpoint.load_sync()
    return "" if path is None else path.read_text()


@env.task(retries=3)
def counts() -> str:
    attempt = int(os.environ["FLYTE_ATTEMPT_NUMBER"])
    seen = load()
    print(f"attempt {attempt} goes on from {seen!r}", flush=True)
    # The third one comes to nothing before it saves anything.
    if attempt != 2:
        flyte.ctx().checkpoint.save_sync(f"{seen}{attempt}".encode())
    if attempt < 3:
        raise ValueError("not yet")
    return f"went on from {seen}"


@env.task
async def killed(flag: str) -> str:
    path = await flyte.ctx().checkpoint.load()
    seen = "" if path is None else path.read_text()
    if not os.path.exists(flag):
        open(flag, "w").close()
        await flyte.ctx().checkpoint.save(b"half of it")
        os.kill(os.getpid(), signal.SIGKILL)
    return f"went on from {seen}"


@env.task(retries=1)
def folder() -> str:
    checkpoint = flyte.ctx().checkpoint
    path = checkpoint.load_sync()
    if path is None:
        os.makedirs("state/inner", exist_ok=True)
        with open("state/inner/step", "w") as file:
            file.write("7")
        checkpoint.save_sync("state")
        raise ValueError("not yet")
    return "went on from step " + (path / "inner" / "step").read_text()


FEATURES = {
    "counts": (counts, {}),
    "killed": (killed, {"flag": os.environ.get("FLAG", "")}),
    "folder": (folder, {}),
}

if __name__ == "__main__":
    main(FEATURES)
