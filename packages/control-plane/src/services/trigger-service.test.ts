import { Code } from "@connectrpc/connect";
import { Filter_Function } from "@homeplane/idl/flyteidl2/common/list";
import { TriggerAutomationSpecType } from "@homeplane/idl/flyteidl2/task/common";
import { TriggerRevisionAction } from "@homeplane/idl/flyteidl2/trigger/trigger_definition";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { domain, type Harness, inProject, org, project, refusal, startHarness, taskSpec } from "../testing/harness.ts";

let h: Harness;
let task = 0;
let taskName = "";
beforeAll(async () => {
  h = await startHarness();
});
afterAll(() => h[Symbol.asyncDispose]());
beforeEach(() => {
  taskName = `env.t${task++}`;
});

const cron = (expression: string, timezone = "") => ({
  type: TriggerAutomationSpecType.TYPE_SCHEDULE,
  automation: {
    case: "schedule" as const,
    value: { expression: { case: "cron" as const, value: { expression, timezone } } },
  },
});
const daily = cron("0 0 * * *");
const taskId = (version = "v1") => ({ org, project, domain, name: taskName, version });
const named = (name: string) => ({ org, project, domain, taskName, name });
const trigger = (name: string, automationSpec = daily, active = true) => ({ name, spec: { active }, automationSpec });
const deploy = (version: string, ...triggers: ReturnType<typeof trigger>[]) =>
  h.tasks.deployTask({ taskId: taskId(version), spec: taskSpec(), triggers });
const get = async (name: string) => (await h.triggers.getTriggerDetails({ name: named(name) })).trigger;
const ofTask = () => ({ scopeBy: { case: "taskName" as const, value: { org, project, domain, name: taskName } } });

test("a task and its triggers are deployed together, or neither is", async () => {
  const error = await refusal(deploy("v1", trigger("good"), trigger("bad", cron("0 25 * * *"))));
  expect(error.code).toBe(Code.InvalidArgument);
  expect(error.message).toContain("triggers[1].automation_spec.schedule.cron");
  expect((await refusal(h.tasks.getTaskDetails({ taskId: taskId() }))).code).toBe(Code.NotFound);
  expect((await h.triggers.listTriggers(ofTask())).triggers).toEqual([]);
  await deploy("v1", trigger("good"), trigger("off", daily, false));
  expect((await h.triggers.listTriggers(ofTask())).triggers).toMatchObject([
    { id: { name: named("good"), revision: 1n }, active: true },
    { id: { name: named("off") }, active: false },
  ]);
});

test("a new version takes its triggers over, and each change is a revision that can be read", async () => {
  await deploy("v1", trigger("t"));
  await h.triggers.updateTriggers({ names: [named("t")], active: false });
  await h.triggers.updateTriggers({ names: [named("t")], active: false });
  await deploy("v2", trigger("t"));
  await h.triggers.deleteTriggers({ names: [named("t")] });
  const history = await h.triggers.getTriggerRevisionHistory({ name: named("t") });
  expect(history.triggers.map(({ id, action }) => [Number(id?.revision), action])).toEqual([
    [4, TriggerRevisionAction.DELETE],
    [3, TriggerRevisionAction.DEPLOY],
    [2, TriggerRevisionAction.DEACTIVATE],
    [1, TriggerRevisionAction.DEPLOY],
  ]);
  const second = await h.triggers.getTriggerRevisionDetails({ id: { name: named("t"), revision: 2n } });
  expect(second.trigger?.spec).toMatchObject({ active: false, taskVersion: "v1" });
  const third = await h.triggers.getTriggerRevisionDetails({ id: { name: named("t"), revision: 3n } });
  expect(third.trigger?.spec).toMatchObject({ active: true, taskVersion: "v2" });
  const paged = await h.triggers.getTriggerRevisionHistory({ name: named("t"), request: { limit: 3 } });
  const rest = await h.triggers.getTriggerRevisionHistory({ name: named("t"), request: { token: paged.token } });
  expect([paged.triggers.length, rest.triggers.length, rest.token]).toEqual([3, 1, ""]);
});

test("a task tells of its triggers: the one that it has, or how many and how many are active", async () => {
  const summary = async () =>
    (await h.tasks.getTaskDetails({ taskId: taskId() })).details?.metadata?.triggersSummary?.summary;
  await deploy("v1", trigger("one"));
  expect(await summary()).toMatchObject({ case: "details", value: { name: "one", active: true } });
  await deploy("v1", trigger("two", daily, false));
  expect(await summary()).toMatchObject({ case: "stats", value: { total: 2, active: 1 } });
});

test("a deleted trigger is gone, and its name can be used again", async () => {
  await deploy("v1", trigger("t"));
  await h.triggers.deleteTriggers({ names: [named("t")] });
  for (const call of [
    h.triggers.getTriggerDetails({ name: named("t") }),
    h.triggers.updateTriggers({ names: [named("t")], active: true }),
    h.triggers.deleteTriggers({ names: [named("t")] }),
    h.runs.createRun({ id: inProject, task: { case: "triggerName", value: named("t") } }),
  ]) {
    const error = await refusal(call);
    expect([error.code, error.message]).toEqual([
      Code.NotFound,
      expect.stringContaining("flyte get trigger") as string,
    ]);
  }
  expect((await h.triggers.listTriggers(ofTask())).triggers).toEqual([]);
  await deploy("v2", trigger("t"));
  expect((await get("t"))?.id?.revision).toBe(3n);
});

test("the same version again leaves triggers as they are, but takes one that is written differently", async () => {
  await deploy("v1", trigger("same"), trigger("other"));
  await h.triggers.updateTriggers({ names: [named("same")], active: false });
  expect((await refusal(deploy("v1", trigger("same"), trigger("other")))).code).toBe(Code.AlreadyExists);
  await deploy("v1", trigger("same"), trigger("other", cron("0 1 * * *")), trigger("new"));
  expect((await get("same"))?.spec?.active).toBe(false);
  expect((await get("other"))?.id?.revision).toBe(2n);
  expect((await get("new"))?.id?.revision).toBe(1n);
  // An old version does not take back what a newer one has.
  await deploy("v2", trigger("same"));
  expect((await refusal(deploy("v1", trigger("same")))).code).toBe(Code.AlreadyExists);
  expect((await get("same"))?.spec?.taskVersion).toBe("v2");
});

test("a trigger runs in its own project only", async () => {
  await deploy("v1", trigger("t"));
  const id = { case: "projectId" as const, value: { name: project, domain: "production" } };
  const error = await refusal(h.runs.createRun({ id, task: { case: "triggerName", value: named("t") } }));
  expect([error.code, error.message]).toEqual([
    Code.InvalidArgument,
    expect.stringContaining("trigger_name") as string,
  ]);
});

test("updating several is all or nothing", async () => {
  await deploy("v1", trigger("t"));
  const error = await refusal(h.triggers.updateTriggers({ names: [named("t"), named("none")], active: false }));
  expect(error.code).toBe(Code.NotFound);
  expect((await get("t"))?.spec?.active).toBe(true);
});

test("a revision that is not the present one is refused", async () => {
  await deploy("v1", trigger("t"));
  const request = { name: named("t"), automationSpec: daily, spec: { active: true, taskVersion: "v1" } };
  const error = await refusal(h.triggers.deployTrigger({ ...request, revision: 7n }));
  expect([error.code, error.message]).toEqual([Code.FailedPrecondition, expect.stringContaining("is at 1") as string]);
  const { trigger: answer } = await h.triggers.deployTrigger({ ...request, revision: 1n });
  expect(answer?.id?.revision).toBe(2n);
});

test("lists page, and take the filters that there are", async () => {
  await deploy("v1", trigger("a"), trigger("b", daily, false), trigger("c"));
  const list = async (request: Parameters<typeof h.triggers.listTriggers>[0]["request"]) => {
    const page = await h.triggers.listTriggers({ ...ofTask(), ...(request ? { request } : {}) });
    return { names: page.triggers.map(({ id }) => id?.name?.name), token: page.token };
  };
  const first = await list({ limit: 2 });
  expect(first.names).toEqual(["a", "b"]);
  expect(await list({ limit: 2, token: first.token })).toEqual({ names: ["c"], token: "" });
  const filter = (field: string, value: string) => ({
    filters: [{ field, function: Filter_Function.EQUAL, values: [value] }],
  });
  expect((await list(filter("active", "false"))).names).toEqual(["b"]);
  expect((await list(filter("name", "c"))).names).toEqual(["c"]);
  for (const [request, text] of [
    [filter("colour", "red"), '"colour"'],
    [{ sortBy: { key: "colour" } }, '"colour"'],
    [{ token: "x" }, "request.token"],
  ] as const) {
    const error = await refusal(list(request));
    expect([error.code, error.message]).toEqual([Code.InvalidArgument, expect.stringContaining(text) as string]);
  }
  const ofVersion = { scopeBy: { case: "taskId" as const, value: taskId("v2") } };
  expect((await h.triggers.listTriggers(ofVersion)).triggers).toEqual([]);
});

test.each([
  ["no name", { name: "" }, "triggers[0].name"],
  ["an endless name", { name: "n".repeat(300) }, "the limit is 255"],
  [
    "an artifact",
    { automationSpec: { type: 3 as const, automation: { case: "artifact" as const, value: {} } } },
    "on artifacts",
  ],
  [
    "a time for an input that the task has not",
    {
      automationSpec: {
        type: 2 as const,
        automation: {
          case: "schedule" as const,
          value: { kickoffTimeInputArg: "at", expression: { case: "cronExpression" as const, value: "* * * * *" } },
        },
      },
    },
    '"at" is not an input of the task',
  ],
  [
    "inputs of another project",
    {
      spec: {
        inputWrapper: { case: "offloadedInputData" as const, value: { uri: `s3://bucket-1/${org}/other/x/inputs` } },
      },
    },
    "is not below",
  ],
])("%s is refused with the field", async (_, wrong, text) => {
  const call = h.tasks.deployTask({ taskId: taskId(), spec: taskSpec(), triggers: [{ ...trigger("t"), ...wrong }] });
  expect((await refusal(call)).message).toContain(text);
});

test("a trigger of a task that is not deployed is NOT_FOUND", async () => {
  const error = await refusal(
    h.triggers.deployTrigger({ name: named("t"), automationSpec: daily, spec: { taskVersion: "v9" } }),
  );
  expect([error.code, error.message]).toEqual([Code.NotFound, expect.stringContaining("flyte deploy") as string]);
});
