"""Tasks whose images have layers; takes the same arguments and prints the same as features.py."""

import json
import os
import sys

import flyte

base = flyte.Image.from_debian_base()
# flyte itself needs both: they are there whichever version runs this.
satisfied = flyte.TaskEnvironment(
    name="satisfied", image=base.with_pip_packages("protobuf>=4", "pydantic", 'tomli; python_version < "3"')
)
lacking = flyte.TaskEnvironment(
    name="lacking", image=base.with_pip_packages("no-such-package-anywhere>=2", "protobuf==0.1", "pydantic", pre=True)
)
plain = flyte.TaskEnvironment(name="plain", image=base, depends_on=[satisfied])


@satisfied.task
def works() -> str:
    import google.protobuf

    return google.protobuf.__name__


@lacking.task
def never() -> str:
    return "never"


@plain.task
async def parent() -> str:
    return await works.aio()


@plain.task
def imports_what_is_not_there() -> None:
    import no_such_package_anywhere  # noqa: F401


FEATURES = {f.__name__: t for f, t in ((t.func, t) for t in (works, never, parent, imports_what_is_not_there))}


def main() -> None:
    flyte.init_from_config(**({"image_builder": "local"} if os.environ.get("LOCAL_BUILDER") else {}))
    run = flyte.run(FEATURES[sys.argv[1]])
    print(json.dumps({"run": run.name}), flush=True)
    run.wait(quiet=True)
    run.sync()
    phase = str(run.phase)
    outputs = list(run.outputs()) if phase.endswith("SUCCEEDED") else None
    print(json.dumps({"phase": phase, "outputs": outputs}, default=str), flush=True)


if __name__ == "__main__":
    main()
