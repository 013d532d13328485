/** Stops what was started, the last first, and waits for each: an API server that still ends would hold its port. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { stop } from "./daemon.ts";
import { full, node, type Place, runFolder } from "./layout.ts";
import { removeRules } from "./network-rules.ts";
import { Pods, unmountBelow } from "./pods.ts";
import { succeeds } from "./run.ts";
import { readAll } from "./started.ts";
import type { Say } from "./up.ts";

export async function down(place: Place, say: Say): Promise<void> {
  if (place === full) await endPods(say);
  for (const { name } of readAll(place.folder)) {
    await stop(place.folder, name);
    say(`${name}: stopped`);
  }
  if (place === full) await removeRules();
}

export async function reset(place: Place, say: Say): Promise<void> {
  if (place === full) await endPods(say, true);
  await down(place, say);
  const folders = place === full ? [place.folder, runFolder] : [place.folder];
  for (const folder of folders) {
    await unmountBelow(folder);
    await rm(folder, { recursive: true, force: true });
  }
  if (place === full) await succeeds("ip", "link", "delete", node.device);
  say("everything is gone but the builds");
}

/** @param forGood the next start will not find them again */
async function endPods(say: Say, forGood = false): Promise<void> {
  if (!existsSync(runFolder)) return;
  // It would start them again.
  await stop(full.folder, "kubelet");
  const pods = await Pods.open(say);
  await pods.end();
  if (forGood) await pods.removeNetworks();
}
