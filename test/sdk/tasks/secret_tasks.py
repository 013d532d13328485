"""Tasks that ask for secrets; takes the same arguments and prints the same as features.py.

What they return tells that the value came, never the value itself: it would be a plain output.
"""

import asyncio
import hashlib
import os
import pathlib
import sys
import time

import flyte
from run_feature import tell

folder = pathlib.Path("/etc/flyte/secrets")


def asking_for(name: str, *secrets: str | flyte.Secret) -> flyte.TaskEnvironment:
    return flyte.TaskEnvironment(name=f"secret_tasks_{name}", secrets=list(secrets))


file = flyte.Secret(key="Service-Account", mount=folder)
plain = flyte.TaskEnvironment(name="secret_tasks")
by_name_env = asking_for("by_name", "api-key")
by_variable_env = asking_for(
    "by_variable",
    flyte.Secret(key="api-key", as_env_var="OPENAI_API_KEY"),
    flyte.Secret(group="db", key="password"),
)
files_env = asking_for("files", file, flyte.Secret(key="binary", mount=folder))
file_env = flyte.TaskEnvironment(name="secret_tasks_file", secrets=[file], depends_on=[plain, by_name_env])


def digest(value: str | bytes) -> str:
    return hashlib.sha256(value if isinstance(value, bytes) else value.encode()).hexdigest()


@by_name_env.task
def by_name() -> str:
    return digest(os.environ["API_KEY"])


@by_variable_env.task
def by_variable() -> list[str]:
    return [digest(os.environ["OPENAI_API_KEY"]), digest(os.environ["DB_PASSWORD"])]


@files_env.task
def as_files() -> list[str]:
    found = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    modes = [oct(file.stat().st_mode & 0o077) for file in found]
    return [file.name for file in found] + [digest(file.read_bytes()) for file in found] + modes


@asking_for("missing", "no-such-secret").task
def missing() -> str:
    return "never"


@asking_for("binary", "binary").task
def binary_as_variable() -> str:
    return "never"


@by_name_env.task(retries=2)
def fails_with_it() -> None:
    raise ValueError(f"attempt {os.environ['FLYTE_ATTEMPT_NUMBER']} had {digest(os.environ['API_KEY'])[:8]}")


@plain.task
def without() -> list[str]:
    return [name for name in ("API_KEY", "OPENAI_API_KEY") if name in os.environ] + [str(folder.exists())]


@file_env.task
async def parent() -> list[str]:
    """Its children have their own secrets, and none of its."""
    one, two = await asyncio.gather(by_name.aio(), without.aio())
    return [one, *two, digest((folder / "service-account").read_bytes())]


@file_env.task
def waits_with_file() -> None:
    print("waiting", (folder / "service-account").stat().st_size, flush=True)
    time.sleep(120)


FEATURES = {
    "by_name": by_name,
    "by_variable": by_variable,
    "as_files": as_files,
    "missing": missing,
    "binary_as_variable": binary_as_variable,
    "fails_with_it": fails_with_it,
    "without": without,
    "parent": parent,
    "waits_with_file": waits_with_file,
}


def main() -> None:
    flyte.init_from_config()
    run = flyte.run(FEATURES[sys.argv[1]])
    tell(run)


if __name__ == "__main__":
    main()
