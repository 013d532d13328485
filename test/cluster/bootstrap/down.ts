/** Stops what was started, the last first, and waits for each: an API server that still ends would hold its port. */
import { existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensure, stop } from "./daemon.ts";
import { readAll } from "./started.ts";
import { full, node, type Place, runFolder } from "./layout.ts";
import { prepareMachine } from "./machine.ts";
import { containerd, ctr } from "./containerd.ts";
import { run, succeeds } from "./run.ts";
import type { Say } from "./up.ts";

const podsMs = 30_000;

export async function down(place: Place, say: Say): Promise<void> {
  if (place === full) await endPods(say);
  for (const { name } of readAll(place.folder)) {
    await stop(place.folder, name);
    say(`${name}: stopped`);
  }
  if (place === full) await cleanNetwork();
}

export async function reset(place: Place, say: Say): Promise<void> {
  await down(place, say);
  for (const folder of [place.folder, ...(place === full ? [runFolder] : [])]) {
    await unmount(folder);
    await rm(folder, { recursive: true, force: true });
  }
  if (place === full) await succeeds("ip", "link", "delete", node.device);
  say("everything is gone but the builds");
}

/** Pods outlive containerd, so it must be there to end them. */
async function endPods(say: Say): Promise<void> {
  if (!existsSync(runFolder)) return;
  await stop(full.folder, "kubelet");
  const debian = await prepareMachine(say);
  await ensure(await containerd(debian), full.folder);
  const ask = (...args: string[]): Promise<string> => {
    const [program, ...rest] = ctr(debian, ...args);
    return run(program, rest);
  };
  const end = Date.now() + podsMs;
  for (;;) {
    const tasks = (await ask("tasks", "list", "-q")).split("\n").filter((id) => id !== "");
    if (tasks.length === 0) return;
    if (Date.now() > end) throw new Error(`containers do not end: ${tasks.join(" ")}`);
    for (const id of tasks) {
      await ask("tasks", "kill", "--all", "--signal", "SIGKILL", id).catch(() => undefined);
      await ask("tasks", "delete", "--force", id).catch(() => undefined);
    }
    await sleep(100);
  }
}

/** The rules of kube-proxy and Felix would answer for addresses that are not there any more. */
async function cleanNetwork(): Promise<void> {
  await succeeds(join(full.folder, "bin/kube-proxy"), "--cleanup");
  const rules = await run("iptables-save", []).catch(() => "");
  const kept = rules.split("\n").filter((line) => !/cali-|cali:/.test(line));
  if (rules !== "") await run("iptables-restore", [], { input: kept.join("\n") });
}

/** What pods had mounted, the deepest first. */
async function unmount(folder: string): Promise<void> {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const paths = mounts.map((line) => line.split(" ")[1] ?? "").filter((path) => path.startsWith(`${folder}/`));
  for (const path of paths.toReversed()) await run("umount", ["--lazy", path]);
}
