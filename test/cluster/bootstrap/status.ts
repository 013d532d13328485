import { join } from "node:path";
import { answers } from "./answers.ts";
import { nodeReady } from "./control-plane.ts";
import { logOf } from "./daemon.ts";
import { dnsAnswers } from "./dns.ts";
import { full, node, type Place } from "./layout.ts";
import { isAlive, readAll, type Started } from "./started.ts";

const width = 24;

/** Whether anything that was started runs. */
export const runsAny = (place: Place): boolean => readAll(place.folder).some((started) => isAlive(started));

/** Prints each part of the cluster; whether all do their work. */
export async function status(place: Place, print: (line: string) => void): Promise<boolean> {
  const known = readAll(place.folder).toReversed();
  if (known.length === 0) {
    print("nothing was started (npm run cluster -- up)");
    return false;
  }
  const states = await Promise.all(known.map(async (started) => ({ started, state: await stateOf(started) })));
  for (const { started, state } of states) {
    const where = state === "works" ? "" : `  log: ${logOf(place.folder, started.name)}`;
    print(`${started.name.padEnd(width)} ${state.padEnd(16)} process ${started.pid}${where}`);
  }
  const works = states.every(({ state }) => state === "works");
  return place === full && works ? await statusOfNode(print) : works;
}

async function stateOf(started: Started): Promise<"works" | "does not answer" | "has ended"> {
  if (!isAlive(started)) return "has ended";
  return (await answers(started.check)) ? "works" : "does not answer";
}

async function statusOfNode(print: (line: string) => void): Promise<boolean> {
  const kubectl = join(full.folder, "bin/kubectl");
  const ready = await nodeReady(kubectl).catch(() => false);
  print(`${`node ${node.name}`.padEnd(width)} ${ready ? "Ready" : "NotReady"}`);
  const resolves = await dnsAnswers();
  print(`${"cluster DNS".padEnd(width)} ${resolves ? "works" : "does not answer"}`);
  return ready && resolves;
}
