"""Runs one of a file's features: python <file> <feature> [--no-wait].

Prints one JSON object a line: {"run": name} as soon as the run exists, then {"phase": ..., "outputs": [...]}.
"""

import json
import sys

import flyte


def main(features: dict) -> None:
    feature = sys.argv[1]
    task, inputs = features[feature]
    flyte.init_from_config()
    run = flyte.run(task, **inputs)
    tell(run)


def tell(run) -> bool:
    """Of a run that was just made: True when its end was waited for."""
    print(json.dumps({"run": run.name}), flush=True)
    if "--no-wait" in sys.argv:
        return False
    run.wait(quiet=True)
    run.sync()
    phase = str(run.phase)
    outputs = list(run.outputs()) if phase.endswith("SUCCEEDED") else None
    print(json.dumps({"phase": phase, "outputs": outputs}, default=str), flush=True)
    return True
