"""Tasks whose image is none that a node can run. See run_feature.py."""

import os

import flyte
from flyte.extras import ContainerTask
from run_feature import main

anywhere = ContainerTask(name="anywhere", image=os.environ.get("IMAGE", "no-such-image:1"), command=["/bin/true"])
env = flyte.TaskEnvironment.from_task("bad_images", anywhere)

FEATURES = {"run": (anywhere, {})}

if __name__ == "__main__":
    main(FEATURES)
