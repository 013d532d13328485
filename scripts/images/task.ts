/**
 * The image that tasks run in when they name none: Python 3.11 and one version of the SDK, made as the SDK's own default image is made (user,
 * folders, environment), so that what runs in one runs in the other.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cache } from "./cache.ts";
import { installedBase } from "./debian.ts";
import { type Architecture, image, type Image } from "./image.ts";
import { pythonLayer, venv } from "./python.ts";

/** `tar` and a shell come with Debian's essential packages. */
const packages = ["python3", "ca-certificates", "tzdata"];

const home = "/home/flyte";

/** As the SDK's recipe for it does; whoever the pod runs as can write where it starts. */
const addUser = [
  'chroot "$1" useradd --uid 1000 --create-home --shell /bin/bash flyte',
  `chroot "$1" sh -c "chown -R flyte:flyte /root ${home} && chmod 1777 ${home}"`,
];

/** The locks of tools/python, by the version of the SDK that they name. */
const locks = ["requirements.lock", "sdk-2.5.8.lock"];

export interface TaskImage {
  readonly flyteVersion: string;
  readonly image: Image;
}

export async function taskImages(cache: Cache, root: string): Promise<readonly TaskImage[]> {
  const architecture: Architecture = process.arch === "arm64" ? "arm64" : "amd64";
  // Fetching takes longer than packing, so all at once.
  const base = installedBase(cache, packages, architecture, addUser);
  const images = locks.map(async (lock) => {
    const text = await readFile(join(root, "tools/python", lock), "utf8");
    const flyteVersion = /^flyte==(\S+)/m.exec(text)?.[1];
    if (flyteVersion === undefined) throw new Error(`tools/python/${lock} does not name flyte`);
    const [debian, python] = await Promise.all([base, pythonLayer(cache, root, lock, architecture)]);
    return { flyteVersion, image: image(architecture, settings(flyteVersion), [debian, python]) };
  });
  return Promise.all(images);
}

/** Repository and tag by which the unmodified SDK asks for its default image (`Image._get_default_image_for`), at ghcr.io. */
export const defaultImageName = (flyteVersion: string): { repository: string; tag: string } => ({
  repository: "flyteorg/flyte",
  tag: `py3.11-v${flyteVersion}`,
});

const settings = (flyteVersion: string) => ({
  // A name, as in the SDK's: the kubelet cannot tell that it is not root's, so the pod says a number.
  User: "flyte",
  Env: [
    `PATH=${venv}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    `VIRTUAL_ENV=${venv}`,
    "PYTHONPATH=/root",
    "PYTHONDONTWRITEBYTECODE=1",
    "LANG=C.UTF-8",
  ],
  WorkingDir: home,
  Labels: {
    "org.opencontainers.image.title": "flyte",
    "org.opencontainers.image.description": `Python 3.11 with flyte ${flyteVersion}.`,
    "org.opencontainers.image.version": `py3.11-v${flyteVersion}`,
  },
});
