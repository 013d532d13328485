"""What only pods show: where a task runs, what it may do there, and bigger families. See run_feature.py."""

import asyncio
import os
import pathlib
import socket
import time

import flyte
from run_feature import main

env = flyte.TaskEnvironment(name="on_cluster", resources=flyte.Resources(cpu="50m", memory="200Mi"))
greedy = flyte.TaskEnvironment(name="greedy", resources=flyte.Resources(cpu="50m", memory=("100Mi", "150Mi")))


@env.task
async def child(i: int, seconds: float) -> int:
    print(f"child {i}", flush=True)
    await asyncio.sleep(seconds)
    return i


@env.task
async def waves(n: int, width: int, seconds: float) -> int:
    """`n` children, `width` at a time."""
    total = 0
    for start in range(0, n, width):
        total += sum(await asyncio.gather(*(child(i, seconds) for i in range(start, min(start + width, n)))))
    return total


@greedy.task
def takes_too_much() -> int:
    taken = [bytearray(b"x" * (10 << 20)) for _ in range(100)]
    return len(taken)


@env.task(cache=flyte.Cache(behavior="override", version_override=os.environ.get("CACHE_VERSION", "v1")))
def stamp(x: int) -> float:
    """Another one each time that it really runs."""
    return time.time()


@env.task
def who_am_i() -> list[str]:
    writable = []
    for folder in (os.getcwd(), os.environ["HOME"], "/tmp"):
        path = pathlib.Path(folder) / "probe"
        path.write_text("x")
        path.unlink()
        writable.append(folder)
    status = pathlib.Path("/proc/self/status").read_text()
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    token = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists()
    static = [name for name in os.environ if "SECRET_ACCESS_KEY" in name]
    return [str(os.getuid()), str(os.getgid()), lines["CapEff"], lines["NoNewPrivs"], lines["Seccomp"], str(token), str(static)]


def reach(host: str, port: int) -> str:
    try:
        with socket.create_connection((host, port), timeout=3):
            return "reached"
    except OSError as error:
        return f"refused: {type(error).__name__}"


@env.task
def probe(targets: list[str]) -> list[str]:
    """Which of `host:port` a task can open a connection to."""
    found = []
    for target in targets:
        host, port = target.rsplit(":", 1)
        found.append(f"{target} {reach(host, int(port))}")
    return found


FEATURES = {
    "fifty": (waves, {"n": 50, "width": 50, "seconds": 0.0}),
    "waves": (waves, {"n": 50, "width": 10, "seconds": 1.0}),
    "long_waves": (waves, {"n": 50, "width": 25, "seconds": 20.0}),
    "slow": (child, {"i": 7, "seconds": 45.0}),
    "oom": (takes_too_much, {}),
    "stamp": (stamp, {"x": int(os.environ.get("X", "1"))}),
    "who_am_i": (who_am_i, {}),
    "probe": (probe, {"targets": os.environ.get("TARGETS", "").split()}),
}

if __name__ == "__main__":
    main(FEATURES)
