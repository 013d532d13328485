/**
 * What the components take while 2,000 actions are held, each with a pod that nobody starts: processes from the bundle (`npm run bundle` first) on a real API
 * server without a kubelet. Budget: 2 % of a core for the data plane.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { pods } from "@homeplane/kube";
import { startApiServer } from "../test/cluster/api-server.ts";
import { splitHomeplane } from "../test/cluster/components/split-homeplane.ts";
import { over, programTask, scope } from "./clients.ts";
import { startComponents } from "./components.ts";
import { figure, print } from "./measure.ts";
import { cpuSecondsOf, pssMiB } from "./usage.ts";

const held = Number(process.argv[2] ?? 2_000);
const atOnce = 16;
const patienceMs = 600_000;
const settleMs = 45_000;
const windowMs = 12_000;
const rounds = 5;

await using api = await startApiServer({ controllers: true });
await using split = await splitHomeplane(api);
await using components = await startComponents(split);
const client = createClient(RunService, over(split.controlPlaneUrl));
const value = create(TaskSpecSchema, programTask(["true"]));
const project = { organization: "homeplane", name: scope.project, domain: scope.domain };

async function startOne(): Promise<void> {
  const headers = { "x-request-id": randomUUID() };
  for (;;) {
    try {
      await client.createRun(
        { id: { case: "projectId", value: project }, task: { case: "taskSpec", value } },
        { headers },
      );
      return;
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unavailable) throw error;
      await wait(500);
    }
  }
}

const left = Array.from({ length: held }).values();
const begun = performance.now();
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (const _ of left) await startOne();
  }),
);
for (const end = Date.now() + patienceMs; ; await wait(2_000)) {
  const { items } = await split.client.list(pods, { namespace: `${scope.project}-${scope.domain}` });
  if (items.length >= held) break;
  if (Date.now() > end) throw new Error(`${items.length} pods after ${patienceMs / 1000} s`);
}
const started = (performance.now() - begun) / 1_000;
await wait(settleMs);
const [cpu, memory]: [number[], number[]] = [[], []];
for (let round = 0; round < rounds; round++) {
  const before = await components.sum(cpuSecondsOf);
  await wait(windowMs);
  cpu.push((((await components.sum(cpuSecondsOf)) - before) / (windowMs / 1_000)) * 100);
  memory.push(await components.sum(pssMiB));
}
print([
  figure(`start-of-${held}`, "s", [started]),
  figure("held-cpu", "% of a core", cpu, "data plane"),
  figure("held-memory", "MiB PSS", memory, "data plane"),
]);
