/**
 * Memory and processor time of the components as processes (`npm run bundle` first), each with its own account, on a real API server without a kubelet: after their
 * start, at most while 300 runs go through, and once all is quiet again. Arms: with the image's environment and without; others as JSON, [name, environment].
 */
import { setTimeout as wait } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { type Pod, pods } from "@homeplane/kube";
import { startApiServer } from "../test/cluster/api-server.ts";
import { type SplitHomeplane, splitHomeplane } from "../test/cluster/components/split-homeplane.ts";
import { over, programTask, scope } from "./clients.ts";
import { fromImage, startComponents } from "./components.ts";
import { type Figure, figure, print } from "./measure.ts";
import { cpuSecondsOf, pssMiB } from "./usage.ts";

const rounds = Number(process.argv[2] ?? 5);
const runs = 300;
const settleMs = 25_000;
const namespace = "flytesnacks-development";
const arms = JSON.parse(
  process.argv[3] ??
    JSON.stringify([
      ["as in the image", fromImage],
      ["without", {}],
    ]),
) as readonly (readonly [string, Record<string, string>])[];

/** Plays the kubelet: each pod fails at once. Resolves when all have. */
async function goThrough(split: SplitHomeplane): Promise<void> {
  const client = createClient(RunService, over(split.controlPlaneUrl));
  const value = create(TaskSpecSchema, programTask(["true"]));
  const project = { organization: "homeplane", name: scope.project, domain: scope.domain };
  // As clients do: a busy machine may lose the tunnel for a moment.
  const one = async (): Promise<unknown> => {
    for (;;) {
      try {
        return await client.createRun({ id: { case: "projectId", value: project }, task: { case: "taskSpec", value } });
      } catch (error) {
        if (ConnectError.from(error).code !== Code.Unavailable) throw error;
        await wait(500);
      }
    }
  };
  const ended = new Set<string>();
  const starting = (async () => {
    for (let index = 0; index < runs; index += 20) await Promise.all(Array.from({ length: 20 }, one));
  })();
  while (ended.size < runs) {
    await wait(300);
    const { items } = await split.client.list(pods, { namespace }).catch(() => ({ items: [] as Pod[] }));
    for (const { metadata, spec, status } of items) {
      if (status?.phase === "Failed") continue;
      const now = new Date().toISOString();
      const terminated = { exitCode: 7, reason: "Error", startedAt: now, finishedAt: now };
      const of = { name: spec.containers[0]?.name ?? "", image: "i", imageID: "", ready: false, restartCount: 0 };
      const failed = { status: { phase: "Failed", containerStatuses: [{ ...of, state: { terminated } }] } };
      const name = { namespace, name: metadata.name };
      await split.client.patch(pods, name, failed, { subresource: "status" }).catch(() => undefined);
      ended.add(metadata.name);
    }
  }
  await starting;
}

await using api = await startApiServer({ controllers: true });
await using split = await splitHomeplane(api);
const samples = new Map<string, { unit: string; arm: string; values: number[] }>();
const note = (name: string, unit: string, arm: string, value: number): void => {
  const key = `${name} ${arm}`;
  const known = samples.get(key) ?? { unit, arm, values: [] };
  samples.set(key, { ...known, values: [...known.values, value] });
};
for (let round = 0; round < rounds; round++) {
  for (const [arm, environment] of arms) {
    await using components = await startComponents(split, environment);
    const { sum } = components;
    await wait(settleMs);
    note("memory-after-start", "MiB PSS", arm, await sum(pssMiB));
    const [cpu, begun] = [await sum(cpuSecondsOf), performance.now()];
    let most = 0;
    const working = goThrough(split).then(() => true);
    for (let done = false; !done; done = await Promise.race([working, wait(1_000, false)]))
      most = Math.max(most, await sum(pssMiB));
    note("300-runs", "s", arm, (performance.now() - begun) / 1_000);
    await wait(settleMs);
    note("memory-at-most", "MiB PSS", arm, most);
    note("memory-after-work", "MiB PSS", arm, await sum(pssMiB));
    note("cpu-of-300-runs", "s", arm, (await sum(cpuSecondsOf)) - cpu);
  }
}
print([...samples].map(([key, { unit, arm, values }]): Figure => figure(key.split(" ")[0] ?? "", unit, values, arm)));
