/**
 * What homeplane takes while it does nothing, with 10,000 actions that have ended within the hour: they lie in the control plane's database, and as
 * TaskActions in the Kubernetes API. They are cache hits, which are actions like any other but for their pod. Budget: less than 1 % of a core, 200 MB
 * resident. Measured twice: right after they have ended, and after a restart.
 */
import { setTimeout as wait } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { type TaskAction, taskActions } from "@homeplane/idl";
import { ActionsService } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { Filter_Function, FilterSchema } from "@homeplane/idl/flyteidl2/common/list";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import type { TaskSpec } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { ResourceType } from "@homeplane/kube";
import {
  actionId,
  type Clients,
  clientsOf,
  ended,
  over,
  podOf,
  programTask,
  runHello,
  start,
  watch,
} from "./clients.ts";
import { print, up, withDataDir } from "./measure.ts";
import { idleFigures } from "./usage.ts";

const taskActionType: ResourceType<TaskAction> = taskActions;
const runs = Number(process.argv[2] ?? 10);
const childrenPerRun = 1_000;
const settleMs = Number(process.argv[3] ?? 30_000);

/** One run whose children all take a result that is there. */
async function family(clients: Clients, spec: TaskSpec, cacheKey: string): Promise<void> {
  const run = await start(clients, programTask(["sleep", "600"]));
  const parent = await podOf(clients, run);
  const env = new Map(parent.spec.containers[0]?.env?.map(({ name, value }) => [name, value ?? ""]));
  const actions = createClient(ActionsService, over(`http://${env.get("_U_EP_OVERRIDE") ?? ""}`));
  let next = 0;
  const enqueue = async (): Promise<void> => {
    for (let index = next++; index < childrenPerRun; index = next++) {
      await actions.enqueue({
        action: {
          actionId: actionId(run, `c${index}`),
          parentActionName: "a0",
          inputUri: `s3://none/${index}`,
          spec: { case: "task", value: { spec, cacheKey } },
        },
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, enqueue));
  const filters = [{ function: Filter_Function.NOT_EQUAL, field: "phase", values: [String(ActionPhase.SUCCEEDED)] }];
  const request = { limit: 2, filters: filters.map((filter) => create(FilterSchema, filter)) };
  // The parent is left.
  while ((await clients.runs.listActions({ runId: actionId(run).run, request })).actions.length > 1) await wait(500);
  await clients.runs.abortRun({ runId: actionId(run).run });
  await watch(clients, run, ended);
}

print(
  await withDataDir(async (dataDir) => {
    let homeplane = await up(dataDir);
    const clients = await clientsOf(dataDir);
    const first = await runHello(dataDir, "cached");
    const { details } = await clients.runs.getActionDetails({ actionId: actionId(first) });
    if (details?.spec.case !== "task") throw new Error(`run ${first} has no task`);
    const { items } = await clients.kube.list(taskActionType, { labelSelector: `flyte.org/run=${first}` });
    const cacheKey = items[0]?.spec.cacheKey ?? "";
    for (let index = 0; index < runs; index++) {
      await family(clients, details.spec.value, cacheKey);
      process.stderr.write(`${(index + 1) * childrenPerRun} children\n`);
    }
    await clients.close();
    await wait(settleMs);
    const after = await idleFigures(homeplane, "ten-thousand");
    await homeplane.stop();
    homeplane = await up(dataDir);
    await wait(settleMs);
    const restarted = await idleFigures(homeplane, "ten-thousand-restarted");
    await homeplane.stop();
    return [...after, ...restarted];
  }),
);
