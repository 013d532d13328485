import type { Container } from "@homeplane/kube";
import { backoffMs, pause } from "@homeplane/runtime-kit";
import { attend } from "./attend.ts";
import type { Cgroup } from "./cgroups.ts";
import { type ContainerEnv, containerEnv } from "./container-env.ts";
import type { ContainerDeps, ContainerHost } from "./container-host.ts";
import { ContainerLog } from "./container-log.ts";
import { passesShell } from "./join-cgroup.ts";
import { type Mount, mountsOf } from "./mounts.ts";
import { type Ended } from "./progress.ts";
import { Unresolved } from "./references.ts";
import { createLogFiles } from "./spawn-container.ts";
import { type Start, startContainer } from "./start-container.ts";

/** Waiting for a Secret, for example. */
const UNRESOLVED = { baseMs: 500, maxMs: 10_000, jitter: "full" } as const;

/** Runs one container once. When it returns no process of it is left, and its log holds all that they printed. */
export async function runContainer(container: Container, host: ContainerHost, deps: ContainerDeps): Promise<void> {
  const { folders } = host;
  const needs = await resolveNeeds(container, host, deps);
  if (needs === undefined) return;
  const logFolder = folders.log(container.name);
  await createLogFiles(logFolder);
  const log = await ContainerLog.open({
    folder: logFolder,
    maxBytes: deps.logMaxBytes,
    clock: deps.clock,
    log: deps.log,
  });
  host.logOpened(container, log);
  try {
    log.follow();
    const own = passesShell(needs.env.all) ? deps.cgroups : undefined;
    const cgroup = await own?.open(`${host.pod.uid}_${container.name}`);
    const start = await startWhenPermitted(container, needs, cgroup, host, deps);
    if (start?.kind === "failed") host.progress(container, startError(start.message, deps.clock.now()));
    if (start?.kind === "started")
      host.progress(container, await attend(container, start.process, cgroup, logFolder, log, host, deps));
    await cgroup?.remove();
  } finally {
    await log.finish();
  }
}

/** What a local process can not do must not be left out in silence. */
function unsupported(container: Container): string | undefined {
  if (container.restartPolicy === "Always")
    return "sidecar init containers (restartPolicy: Always) are not supported for local processes";
  return undefined;
}

export function startError(message: string, now: number): Ended {
  return { kind: "ended", startedAt: now, finishedAt: now, exitCode: 128, reason: "StartError", message };
}

interface Needs {
  readonly env: ContainerEnv;
  readonly mounts: readonly Mount[];
}

/** Waits as a kubelet does for what the container refers to; undefined when the pod is to end before. */
function resolveNeeds(container: Container, host: ContainerHost, deps: ContainerDeps): Promise<Needs | undefined> {
  const { pod, folders } = host;
  return untilGiven(container, host, deps, async () => {
    try {
      const env = await containerEnv(pod, container, { ...deps.env, workFolder: folders.work });
      return { env, mounts: await mountsOf(container, { ...deps.env, pod, folders }) };
    } catch (error) {
      if (error instanceof Unresolved) return error.message;
      throw error;
    }
  });
}

/** A machine may be told to permit it meanwhile; undefined when the pod is to end before. */
async function startWhenPermitted(
  container: Container,
  needs: Needs,
  cgroup: Cgroup | undefined,
  host: ContainerHost,
  deps: ContainerDeps,
): Promise<Exclude<Start, { kind: "refused" }> | undefined> {
  const message = unsupported(container);
  if (message !== undefined) return { kind: "failed", message };
  const { folders, stopping } = host;
  const { python } = deps.env;
  const options = {
    ...{ ...needs, folders, stopping, logFolder: folders.log(container.name) },
    ...(python && { python }),
    ...(cgroup && { cgroup }),
  };
  return untilGiven(container, host, deps, async () => {
    const start = await startContainer(container, options);
    return start.kind === "refused" ? start.message : start;
  });
}

/** Tries again while `attempt` gives a sentence, which the container's status then says; undefined when the pod is to end before. */
async function untilGiven<T extends object>(
  container: Container,
  host: ContainerHost,
  deps: ContainerDeps,
  attempt: () => Promise<T | string>,
): Promise<T | undefined> {
  let said: string | undefined;
  for (let n = 0; !host.stopping.aborted; n++) {
    const given = await attempt();
    if (typeof given !== "string") return given;
    if (given !== said)
      host.progress(container, { kind: "waiting", reason: "CreateContainerConfigError", message: given });
    said = given;
    await pause(deps.clock, UNRESOLVED.baseMs / 2 + backoffMs(UNRESOLVED, n, deps.random), host.stopping);
  }
  return undefined;
}
