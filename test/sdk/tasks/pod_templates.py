"""Tasks whose pods have more in them than the task. See run_feature.py."""

import os
import pathlib
import time

import flyte
from run_feature import main

BUSYBOX = os.environ.get("BUSYBOX", "homeplane.test/busybox:1.35")

try:
    from kubernetes.client import (
        V1Container,
        V1EmptyDirVolumeSource,
        V1PodSpec,
        V1ResourceRequirements,
        V1Volume,
        V1VolumeMount,
    )
except ImportError:
    # In the pod, whose image has no such package: its template has been read.
    with_sidecar = small_disk = None
else:
    small = V1ResourceRequirements(requests={"cpu": "20m", "memory": "16Mi"})
    shared = [V1VolumeMount(name="shared", mount_path="/shared")]
    with_sidecar = flyte.PodTemplate(
        primary_container_name="main",
        labels={"team": "weather"},
        annotations={"example.com/owner": "ops"},
        pod_spec=V1PodSpec(
            containers=[
                V1Container(name="main", volume_mounts=shared),
                V1Container(
                    name="sidecar",
                    image=BUSYBOX,
                    command=["/bin/sh", "-c", "echo -n from the sidecar > /shared/word; exec sleep 3600"],
                    resources=small,
                    volume_mounts=shared,
                ),
            ],
            volumes=[V1Volume(name="shared", empty_dir=V1EmptyDirVolumeSource(size_limit="10Mi"))],
        ),
    )
    small_disk = flyte.PodTemplate(
        pod_spec=V1PodSpec(
            containers=[V1Container(name="primary", resources=V1ResourceRequirements(limits={"ephemeral-storage": "20Mi"}))]
        )
    )

beside = flyte.TaskEnvironment(name="beside", pod_template=with_sidecar)
full = flyte.TaskEnvironment(name="full", pod_template=small_disk)


@beside.task
def read_word() -> str:
    path = pathlib.Path("/shared/word")
    for _ in range(300):
        if path.exists() and path.read_text() != "":
            return path.read_text()
        time.sleep(0.1)
    raise TimeoutError("the sidecar has written nothing")


@full.task
def fill_disk() -> None:
    with open("/tmp/filler", "wb") as file:
        for _ in range(60):
            file.write(os.urandom(1 << 20))
    print("written", flush=True)
    time.sleep(300)


FEATURES = {
    "sidecar": (read_word, {}),
    "full_disk": (fill_disk, {}),
}

if __name__ == "__main__":
    main(FEATURES)
