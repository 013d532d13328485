import { setTimeout as sleep } from "node:timers/promises";
import { full } from "../bootstrap/layout.ts";
import { isAlive, read } from "../bootstrap/started.ts";
import { upFull } from "../bootstrap/up.ts";

/** Kills a program of the cluster without a word, waits, and starts it again, as a machine's supervisor does. */
export async function restartDaemon(name: string, awayMs = 5_000): Promise<void> {
  const started = read(full.folder, name);
  if (started === undefined || !isAlive(started)) throw new Error(`${name} does not run`);
  process.kill(started.pid, "SIGKILL");
  await sleep(awayMs);
  await upFull(() => undefined);
}
