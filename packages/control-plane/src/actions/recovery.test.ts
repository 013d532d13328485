import { create, fromBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { RelationType } from "@homeplane/idl/flyteidl2/common/run";
import { SimpleType } from "@homeplane/idl/flyteidl2/core/types";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { RecordActionRequest } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import { RecoverySourceSchema } from "@homeplane/idl/homeplane/v1/recovery";
import { expect, test } from "vitest";
import {
  domain,
  type Harness,
  inProject,
  org,
  project,
  refusal,
  startHarness,
  task,
  taskSpec,
} from "../testing/harness.ts";

const idOf = (name: string) => ({ org, project, domain, name });

async function newRun(h: Harness, source?: string, forceRerunActions: string[] = []): Promise<string> {
  const relation = source && { relatedTo: idOf(source), relationType: RelationType.RECOVER };
  const runSpec = relation ? { relation, recover: { forceRerunActions } } : {};
  const { run } = await h.runs.createRun({ id: inProject, task: task(), runSpec });
  return run?.action?.id?.run?.name ?? "";
}

type Spec = Exclude<RecordActionRequest["spec"], { case: undefined }>["case"];

async function action(h: Harness, run: string, name: string, kind: Spec, phase: ActionPhase): Promise<void> {
  const actionId = { run: idOf(run), name };
  const type = { type: { case: "simple" as const, value: SimpleType.BOOLEAN } };
  const specs = {
    task: { case: "task" as const, value: { spec: create(TaskSpecSchema, taskSpec()) } },
    trace: { case: "trace" as const, value: { name } },
    condition: { case: "condition" as const, value: { name, type } },
  };
  await h.internal.recordAction({ actionId, parent: "a0", spec: specs[kind] });
  const outputs =
    kind === "condition" || phase === ActionPhase.FAILED ? {} : { outputs: { outputUri: `s3://b/${run}/${name}` } };
  await h.events.record({ events: [{ id: actionId, attempt: 1, phase, ...outputs }] });
  if (kind === "condition")
    await h.runs.signalEvent({ actionId, payload: { value: { case: "boolValue", value: true } } });
  await h.internal.updateActionStatus({ actionId, status: { phase, attempts: 1 } });
}

async function sourceRun(h: Harness): Promise<string> {
  const run = await newRun(h);
  await action(h, run, "done", "task", ActionPhase.SUCCEEDED);
  await action(h, run, "failed", "task", ActionPhase.FAILED);
  await action(h, run, "noted", "trace", ActionPhase.SUCCEEDED);
  await action(h, run, "asked", "condition", ActionPhase.SUCCEEDED);
  return run;
}

function manifestOf(h: Harness, run: string): Record<string, unknown> {
  const found = [...h.objects].find(([url]) => url.endsWith(`/${run}/recovery.pb`));
  if (found === undefined) throw new Error(`there is no recovery.pb of ${run}`);
  const { actions } = fromBinary(RecoverySourceSchema, found[1]);
  return Object.fromEntries(
    Object.entries(actions).map(([name, { outcome, parentActionName }]) => [
      name,
      `${outcome.case} of ${parentActionName}`,
    ]),
  );
}

test("what has succeeded in the other run is written beside the new one: children, traces, answers; not the root, not what failed", async () => {
  await using h = await startHarness();
  const run = await newRun(h, await sourceRun(h));
  expect(manifestOf(h, run)).toEqual({
    done: "taskOutputUri of a0",
    noted: "traceOutputUri of a0",
    asked: "signal of a0",
  });
});

test("what is to be done again is left out", async () => {
  await using h = await startHarness();
  const run = await newRun(h, await sourceRun(h), ["done", "asked", "nobody"]);
  expect(Object.keys(manifestOf(h, run))).toEqual(["noted"]);
});

test("a run that has recovered another one hands on what it took over, though it never reported that", async () => {
  await using h = await startHarness();
  const second = await newRun(h, await sourceRun(h));
  await action(h, second, "more", "task", ActionPhase.SUCCEEDED);
  const third = await newRun(h, second, ["done"]);
  expect(Object.keys(manifestOf(h, third)).toSorted()).toEqual(["asked", "more", "noted"]);
});

test("where a run comes from is kept with its root; a recovered condition has the answer that it had", async () => {
  await using h = await startHarness();
  const source = await sourceRun(h);
  const run = await newRun(h, source);
  const root = (await h.runs.getActionDetails({ actionId: { run: idOf(run), name: "a0" } })).details;
  expect(root?.metadata?.relation).toMatchObject({
    relatedTo: { org, name: source },
    relationType: RelationType.RECOVER,
  });
  const actionId = { run: idOf(run), name: "asked" };
  const type = { type: { case: "simple" as const, value: SimpleType.BOOLEAN } };
  await h.internal.recordAction({
    actionId,
    parent: "a0",
    spec: { case: "condition", value: { name: "asked", type } },
    recoveredFrom: { run: idOf(source), name: "asked" },
  });
  const { details } = await h.runs.getActionDetails({ actionId });
  expect(details?.metadata?.recoveredFrom?.run?.name).toBe(source);
  expect(details?.result.case).toBe("signalInfo");
});

test("a rerun has a start of its own, a recovery goes on with the other run's", async () => {
  await using h = await startHarness();
  const source = await newRun(h);
  const runStartTime = { seconds: 1_700_000_000n };
  const startOf = async (relationType: RelationType): Promise<bigint | undefined> => {
    const runSpec = { runStartTime, relation: { relatedTo: idOf(source), relationType } };
    const { run } = await h.runs.createRun({ id: inProject, task: task(), runSpec });
    const { details } = await h.runs.getRunDetails({ runId: idOf(run?.action?.id?.run?.name ?? "") });
    return details?.runSpec?.runStartTime?.seconds;
  };
  expect(await startOf(RelationType.RECOVER)).toBe(1_700_000_000n);
  expect(await startOf(RelationType.RERUN)).toBeGreaterThan(1_700_000_000n);
});

test("two runs with one run_base_dir never share a place", async () => {
  await using h = await startHarness();
  const runBaseDir = `s3://bucket-1/${org}/${project}/${domain}/mine/`;
  const bases = await Promise.all(
    [1, 2].map(async () => {
      const { run } = await h.runs.createRun({ id: inProject, task: task(), runSpec: { runBaseDir } });
      const name = run?.action?.id?.run?.name ?? "";
      const row = await h.store.actions.get({ project, domain, run: name, action: "a0" }, { withTaskSpec: false });
      expect(row?.runOutputBase).toBe(`${runBaseDir}${name}`);
      return row?.runOutputBase;
    }),
  );
  expect(new Set(bases).size).toBe(2);
});

test("what can not be recovered is refused before anything is stored", async () => {
  await using h = await startHarness();
  const create_ = (relatedTo: object, relationType: RelationType = RelationType.RECOVER) =>
    h.runs.createRun({ id: inProject, task: task(), runSpec: { relation: { relatedTo, relationType } } });
  expect(await refusal(create_(idOf("rnobody")))).toMatchObject({ code: Code.NotFound });
  expect(await refusal(create_({ ...idOf("r1"), domain: "production" }))).toMatchObject({ code: Code.InvalidArgument });
  expect((await refusal(create_({ name: "r1" }))).message).toContain("run_spec.relation.related_to.project");
  const recover = { forceRerunActions: ["x1"] };
  const alone = await refusal(h.runs.createRun({ id: inProject, task: task(), runSpec: { recover } }));
  expect(alone.message).toContain("run_spec.recover");
  expect((await h.store.orders.pending(0n, 10)).length).toBe(0);
});
