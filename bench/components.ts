/** The components as processes from the bundle, as their image starts them, on an API server without a kubelet: what benchmarks of theirs share. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { settings } from "../scripts/images/homeplane.ts";
import type { SplitHomeplane } from "../test/cluster/components/split-homeplane.ts";

const program = join(import.meta.dirname, "../dist/homeplane.mjs");

/** What the image says to libc and Node. */
export const fromImage = Object.fromEntries(
  settings("")
    .Env.filter((pair) => /^(?:MALLOC|NODE_OPTIONS)/.test(pair))
    .map((pair) => pair.split(/=(.*)/s)),
) as Readonly<Record<string, string>>;

export interface Components extends AsyncDisposable {
  /** Over the processes of the data plane. */
  readonly sum: (of: (pid: number) => Promise<number>) => Promise<number>;
}

/** Resolves when all are ready and the data plane is connected. */
export async function startComponents(
  split: SplitHomeplane,
  environment: Readonly<Record<string, string>> = fromImage,
): Promise<Components> {
  if (!existsSync(program)) throw new Error(`${program} is missing: npm run bundle`);
  await using stack = new AsyncDisposableStack();
  const pids: number[] = [];
  for (const name of Object.keys(split.processes)) {
    const log = openSync(join(split.folder, `${name}.log`), "w");
    const child = spawn(process.execPath, [program, name, "--config", join(split.folder, `${name}.yaml`)], {
      stdio: ["ignore", log, log],
      env: { PATH: process.env["PATH"], NODE_ENV: "production", ...environment },
    });
    closeSync(log);
    stack.defer(async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    });
    if (name !== "control-plane") pids.push(child.pid ?? 0);
  }
  for (const component of Object.values(split.processes)) await component.untilReady(180_000);
  await connected(split);
  const owned = stack.move();
  return {
    sum: async (of) => (await Promise.all(pids.map(of))).reduce((total, each) => total + each, 0),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function connected({ controlPlaneUrl }: SplitHomeplane): Promise<void> {
  for (const end = Date.now() + 60_000; ; await wait(200)) {
    const text = await (await fetch(`${controlPlaneUrl}/homeplane/v1/clusters`)).text();
    if (/"tunnelConnections":[1-9]/.test(text)) return;
    if (Date.now() > end) throw new Error(`the data plane does not connect: ${text}`);
  }
}
