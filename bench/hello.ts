/**
 * Hello world: from CreateRun to the watcher's word that it has succeeded, beside the SDK's own process, started by hand with the same command line,
 * environment and object store. Budget: 1.3 times.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Pod } from "@homeplane/kube";
import { actionId, clientsOf, ended, podOf, python, runHello, start, watch } from "./clients.ts";
import { figure, print, up, withDataDir } from "./measure.ts";

const rounds = 11;
const pauseMs = 1_000;

/** The pod's command line as a process of ours, in an empty folder as its own. */
async function byHand(pod: Pod): Promise<number> {
  const cwd = await mkdtemp(join(tmpdir(), "homeplane-bench-a0-"));
  const [container] = pod.spec.containers;
  const [program = "", ...args] = [...(container?.command ?? []), ...(container?.args ?? [])];
  const pairs = (container?.env ?? []).map(({ name, value = "" }) => [name, value] as const);
  const env = {
    ...Object.fromEntries(pairs),
    PATH: [dirname(python), process.env["PATH"] ?? ""].join(delimiter),
    HOME: cwd,
  };
  const begun = performance.now();
  const child = spawn(program, args, { cwd, env, stdio: "ignore" });
  const [code] = (await once(child, "close")) as [number | null];
  const took = performance.now() - begun;
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}`);
  await rm(cwd, { recursive: true });
  return took;
}

print(
  await withDataDir(async (dataDir) => {
    const homeplane = await up(dataDir);
    const clients = await clientsOf(dataDir);
    const first = await runHello(dataDir, "hello");
    const { details } = await clients.runs.getActionDetails({ actionId: actionId(first) });
    if (details?.spec.case !== "task") throw new Error(`run ${first} has no task`);
    const spec = details.spec.value;
    const pod = await podOf(clients, first);
    const args = pod.spec.containers[0]?.args ?? [];
    const inputUri = args[args.indexOf("--inputs") + 1] ?? "";
    const ours: number[] = [];
    const theirs: number[] = [];
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await wait(pauseMs);
      const begun = performance.now();
      const name = await start(clients, spec, inputUri);
      await watch(clients, name, ended);
      const took = performance.now() - begun;
      await wait(pauseMs);
      const alone = await byHand(pod);
      ours.push(took);
      theirs.push(alone);
      ratios.push(took / alone);
    }
    await clients.close();
    await homeplane.stop();
    return [
      figure("hello", "ms", ours),
      figure("hello", "ms", theirs, "the SDK's process alone"),
      figure("hello-ratio", "times", ratios),
    ];
  }),
);
