import { type Container, parseQuantity } from "@homeplane/kube";
import { messageOf } from "@homeplane/runtime-kit";
import type { Cgroup } from "./cgroups.ts";
import { containerMark, MARK_CONTAINER } from "./container-env.ts";
import type { ContainerDeps, ContainerHost } from "./container-host.ts";
import type { ContainerLog } from "./container-log.ts";
import { killAll } from "./end-processes.ts";
import { criFile } from "./log-files.ts";
import { terminationMessage } from "./log-tail.ts";
import { statOf } from "./process-stat.ts";
import type { ProcessSigns } from "./procfs.ts";
import { type Ended, exitCodeOf } from "./progress.ts";
import type { Exit, StartedProcess } from "./spawn-container.ts";

/** From the start of the process to the end of the last one of its container. `cgroup` is there when the process is in it. */
export async function attend(
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
