/** What `up` leaves in the data dir for people and programs. */
import { symlink, rm } from "node:fs/promises";
import { dirname, relative } from "node:path";
import type { Homeplane } from "./compose.ts";
import type { UpConfig } from "./config.ts";
import { type DataDirPaths, writeOwned } from "./data-dir.ts";
import { storeEnvironment } from "./object-store.ts";

/** The contents of endpoints.json. */
export interface Endpoints {
  readonly controlPlane: string;
  readonly objectStore: string;
  readonly kubeconfig: string;
  readonly pid: number;
}

export async function writeFiles(
  config: UpConfig,
  paths: DataDirPaths,
  homeplane: Homeplane,
  python: string,
): Promise<Endpoints> {
  await rm(paths.kubeconfig, { force: true });
  await symlink(relative(paths.root, homeplane.kubeconfig), paths.kubeconfig);
  await writeOwned(paths.flyteConfig, flyteConfig(config, homeplane.controlPlane));
  await writeOwned(paths.environment, environmentFile(paths, homeplane, python));
  const endpoints = {
    controlPlane: homeplane.controlPlane,
    objectStore: homeplane.objectStore,
    kubeconfig: paths.kubeconfig,
    pid: process.pid,
  };
  // Last: whoever finds it can use everything else.
  await writeOwned(paths.endpoints, `${JSON.stringify(endpoints, null, 2)}\n`);
  return endpoints;
}

function flyteConfig({ project, domains }: UpConfig, controlPlane: string): string {
  return `admin:
  endpoint: dns:///${new URL(controlPlane).host}
  insecure: true
task:
  project: ${project}
  domain: ${domains[0]}
image:
  builder: remote
`;
}

/** Sourced by a shell. `flyte` and `python` are then those of the environment in which the tasks run. */
function environmentFile(paths: DataDirPaths, homeplane: Homeplane, python: string): string {
  const values = {
    FLYTECTL_CONFIG: paths.flyteConfig,
    KUBECONFIG: paths.kubeconfig,
    ...storeEnvironment(homeplane.objectStore, homeplane.credentials),
  };
  const exports = Object.entries(values).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
  return [...exports, `export PATH=${quoted(dirname(python))}:"$PATH"\n`].join("");
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
