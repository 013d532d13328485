import { type Container, parseQuantity } from "@homeplane/kube";
import { backoffMs, type Clock, type Logger, messageOf, pause, type Random } from "@homeplane/runtime-kit";
import { type ContainerEnv, containerEnv, containerMark, type EnvContext, MARK_CONTAINER } from "./container-env.ts";
import type { Cgroup, Cgroups } from "./cgroups.ts";
import { ContainerLog } from "./container-log.ts";
import type { ContainerWatch } from "./container-watch.ts";
import { killAll } from "./end-processes.ts";
import type { PodFolders } from "./folders.ts";
import { passesShell } from "./join-cgroup.ts";
import { criFile } from "./log-files.ts";
import { terminationMessage } from "./log-tail.ts";
import { type Mount, mountsOf } from "./mounts.ts";
import type { OomKills } from "./oom-kills.ts";
import type { PodView } from "./pod-view.ts";
import { statOf } from "./process-stat.ts";
import type { ProcessSigns } from "./procfs.ts";
import { type Ended, exitCodeOf, type Progress } from "./progress.ts";
import { Unresolved } from "./references.ts";
import { createLogFiles, type Exit, type StartedProcess } from "./spawn-container.ts";
import { type Start, startContainer } from "./start-container.ts";

/** What containers of all pods share. */
export interface ContainerDeps {
  readonly env: Omit<EnvContext, "workFolder">;
  readonly logMaxBytes: number;
  readonly oomKills: OomKills;
  readonly watch: ContainerWatch;
  /** Absent where the system does not let us have any. */
  readonly cgroups?: Cgroups;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface LiveProcess {
  readonly pid: number;
  readonly signs: ProcessSigns;
}

/** The pod around a container. */
export interface ContainerHost {
  readonly pod: PodView;
  readonly folders: PodFolders;
  /** Aborts when the pod is to end: nothing is started any more. */
  readonly stopping: AbortSignal;
  progress(container: Container, progress: Progress): void;
  logOpened(container: Container, log: ContainerLog): void;
  /** From now on the pod signals the process when it is to end; until {@link ended}. */
  started(container: Container, live: LiveProcess): void;
  ended(container: Container): void;
}

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

/** From the start of the process to the end of the last one of its container. `cgroup` is there when the process is in it. */
async function attend(
  container: Container,
  { pid, exited }: StartedProcess,
  cgroup: Cgroup | undefined,
  logFolder: string,
  log: ContainerLog,
  host: ContainerHost,
  deps: ContainerDeps,
): Promise<Ended> {
  const startedAt = deps.clock.now();
  const sinceTicks = statOf(pid)?.startTicks;
  const limitBytes = memoryLimit(container);
  let overBytes: number | undefined;
  const watched = deps.watch.add({
    pid,
    ...(cgroup === undefined ? {} : { known: cgroup.pids }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    over(usedBytes) {
      overBytes = usedBytes;
      void endRest(signs, host, deps);
    },
  });
  const signs: ProcessSigns = {
    mark: `${MARK_CONTAINER}=${containerMark(host.pod.uid, container.name)}`,
    logFolder,
    session: pid,
    ...(sinceTicks === undefined ? {} : { sinceTicks }),
    members: watched.pids,
    ...(cgroup === undefined ? {} : { killAtOnce: cgroup.kill }),
  };
  await deps.oomKills.refresh();
  host.started(container, { pid, signs });
  host.progress(container, { kind: "running", startedAt, pid });
  const exit = await exited;
  const finishedAt = deps.clock.now();
  const killed = exit.signal === "SIGKILL";
  const oom = killed && (overBytes !== undefined || (!host.stopping.aborted && (await deps.oomKills.take())));
  await endRest(signs, host, deps);
  watched.remove();
  host.ended(container);
  await log.finish();
  const over = oom && overBytes !== undefined && limitBytes !== undefined ? overLimit(overBytes, limitBytes) : "";
  return { kind: "ended", startedAt, finishedAt, pid, ...(await ending(container, exit, oom, over, logFolder)) };
}

async function ending(
  container: Container,
  exit: Exit,
  oom: boolean,
  why: string,
  logFolder: string,
): Promise<Pick<Ended, "exitCode" | "signal" | "reason" | "message">> {
  const { exitCode, signal } = exitCodeOf(exit);
  const wantsLog = exitCode !== 0 && container.terminationMessagePolicy === "FallbackToLogsOnError";
  const message = why + (wantsLog ? await terminationMessage(criFile(logFolder)) : "");
  return {
    exitCode,
    reason: oom ? "OOMKilled" : exitCode === 0 ? "Completed" : "Error",
    ...(signal === undefined ? {} : { signal }),
    ...(message === "" ? {} : { message }),
  };
}

function memoryLimit(container: Container): number | undefined {
  const limit = parseQuantity(container.resources?.limits?.["memory"] ?? "");
  return limit === undefined || limit.milli === 0 ? undefined : limit.milli / 1000;
}

function overLimit(usedBytes: number, limitBytes: number): string {
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  return `its processes used ${mebibytes(usedBytes)} of memory, the limit is ${mebibytes(limitBytes)}\n`;
}

/** A container's end is the end of all its processes, as in a PID namespace. */
async function endRest(signs: ProcessSigns, host: ContainerHost, { clock, log }: ContainerDeps): Promise<void> {
  try {
    await killAll(signs, clock, log);
  } catch (error) {
    const event = "pod_leftovers_not_looked_for";
    log.error(
      { event, pod: host.pod.key, error: messageOf(error) },
      "what a container left running could not be looked for",
    );
  }
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
