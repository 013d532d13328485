"""The task `build-image`, which the SDK's remote builder runs: here there is nothing to build, what the image asks for is there or it is not."""

import pathlib
import tempfile

import flyte
import flyte.errors
import flyte.storage
from homeplane_image_check import check

env = flyte.TaskEnvironment(name="images")


@env.task
async def build_image(spec: str, context: str, target_image: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, uri in (("spec", spec), ("context", context)):
            paths.append(str(await flyte.storage.get(uri, str(pathlib.Path(folder) / name))) if uri else "")
        message, notes = check(pathlib.Path(paths[0]).read_bytes(), paths[1])
    for note in notes:
        print(f"note: {note}", flush=True)
    if message:
        raise flyte.errors.NonRecoverableError(message)
    return target_image
