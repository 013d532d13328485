import { HomeplaneError, systemClock, sleep } from "@homeplane/runtime-kit";
import { dataDirPaths, readJson } from "./up/data-dir.ts";
import type { Endpoints } from "./up/files.ts";
import { lockHolder } from "./up/lock.ts";

export type Status =
  | { readonly state: "running"; readonly dataDir: string; readonly endpoints: Endpoints }
  | { readonly state: "starting" | "unresponsive"; readonly dataDir: string; readonly pid: number }
  | { readonly state: "stopped"; readonly dataDir: string };

const answerTimeoutMs = 5_000;

export async function status(dataDir: string): Promise<Status> {
  const paths = dataDirPaths(dataDir);
  const holder = await lockHolder(paths.lock);
  if (holder === undefined) return { state: "stopped", dataDir };
  const endpoints = (await readJson(paths.endpoints)) as Endpoints | undefined;
  if (endpoints?.pid !== holder.pid) return { state: "starting", dataDir, pid: holder.pid };
  try {
    const answer = await fetch(`${endpoints.controlPlane}/flyteidl2.project.ProjectService/ListProjects`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
    if (answer.ok) return { state: "running", dataDir, endpoints };
  } catch {
    // Whatever keeps it from answering, the state says that it does not.
  }
  return { state: "unresponsive", dataDir, pid: holder.pid };
}

const stopTimeoutMs = 30_000;

/** Ends the homeplane of this data dir and waits until it has. False when none ran. */
export async function down(dataDir: string): Promise<boolean> {
  const { lock } = dataDirPaths(dataDir);
  const holder = await lockHolder(lock);
  if (holder === undefined) return false;
  process.kill(holder.pid, "SIGTERM");
  for (let waited = 0; waited < stopTimeoutMs; waited += 100) {
    if ((await lockHolder(lock))?.pid !== holder.pid) return true;
    await sleep(systemClock, 100);
  }
  const next = `look into its log, or end it with \`kill -9 ${holder.pid}\`: the next start recovers`;
  throw new HomeplaneError("StillRunning", `process ${holder.pid} did not stop within ${stopTimeoutMs / 1000} s`, next);
}
