import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { create, toBinary } from "@bufbuild/protobuf";
import { InputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  domain,
  type Harness,
  inProject,
  named,
  org,
  project,
  refusal,
  startHarness,
  task,
  taskSpec,
} from "../testing/harness.ts";

let h: Harness;
beforeAll(async () => {
  h = await startHarness();
});
afterAll(() => h[Symbol.asyncDispose]());

const nameOf = (answer: Awaited<ReturnType<Harness["runs"]["createRun"]>>): string =>
  answer.run?.action?.id?.run?.name ?? "";
const withId = (id: string) => ({ headers: { "x-request-id": id } });
const pendingOrders = () => h.store.orders.pending(0n, 10_000);
const inputs = (bytes: number) =>
  create(InputsSchema, { literals: [{ name: "x", value: { hash: "h".repeat(bytes) } }] });

test("the root action is a0, queued, and its order to start is stored with it", async () => {
  const answer = await h.runs.createRun({
    id: inProject,
    task: task(),
    runSpec: { labels: { values: { team: "a" } } },
  });
  expect(answer.run?.action?.id).toMatchObject({ name: "a0", run: { org, project, domain } });
  expect(answer.run?.labels).toEqual({ team: "a" });
  const order = (await pendingOrders()).at(-1)?.order;
  if (order?.case !== "start") throw new Error("no order to start");
  expect(order.value.labels).toEqual({ team: "a" });
  expect(order.value.spec).toMatchObject({
    actionId: { name: "a0", run: { name: nameOf(answer) } },
    runOutputBase: `s3://bucket-1/${org}/${project}/${domain}/${nameOf(answer)}`,
    inputUri: `s3://bucket-1/${org}/${project}/${domain}/${nameOf(answer)}/inputs/inputs.pb`,
  });
});

test("the data plane is asked once a minute for each bucket whether it serves a project's runs, and each time for a base that the user chose", async () => {
  let now = Date.now();
  await using own = await startHarness({ now: () => now });
  const from = (bucket: string, runBaseDir = "") =>
    own.runs.createRun({
      id: inProject,
      task: task(),
      runSpec: { runBaseDir },
      inputWrapper: {
        case: "offloadedInputData",
        value: { uri: `s3://${bucket}/${org}/${project}/${domain}/u/inputs`, inputsHash: "h" },
      },
    });
  for (let index = 0; index < 3; index++) await from("bucket-1");
  expect(own.downloads).toHaveLength(1);
  await from("elsewhere");
  expect(own.downloads).toHaveLength(2);
  const chosen = `s3://bucket-1/${org}/${project}/${domain}/mine`;
  for (let index = 0; index < 2; index++) await from("bucket-1", chosen);
  expect(own.downloads.slice(2).map((url) => url.startsWith(chosen))).toEqual([true, true]);
  now += 61_000;
  await from("bucket-1");
  expect(own.downloads).toHaveLength(5);
});

test("with the data plane away no run is taken, and nothing of it is kept, whatever it said a moment ago", async () => {
  await using own = await startHarness();
  const input = { uri: `s3://bucket-1/${org}/${project}/${domain}/u/inputs`, inputsHash: "h" };
  const inputWrapper = { case: "offloadedInputData" as const, value: input };
  await own.runs.createRun({ id: inProject, task: task(), inputWrapper });
  own.line.isCut = true;
  const refused = own.runs.createRun({ id: inProject, task: task(), inputWrapper });
  await expect(refused).rejects.toMatchObject({ code: Code.Unavailable });
  expect((await own.store.orders.pending(0n, 10)).length).toBe(1);
});

test("whatever organisation the client believes in, ours is answered", async () => {
  const id = { case: "projectId" as const, value: { organization: "127", name: project, domain } };
  const { run } = await h.runs.createRun({ id, task: task() });
  expect(run?.action?.id?.run?.org).toBe(org);
  const runId = { org: "something", project, domain, name: run?.action?.id?.run?.name ?? "" };
  expect((await h.runs.getRunDetails({ runId })).details?.action?.id?.run?.org).toBe(org);
});

test("one request id, one run: again, and twenty times at once", async () => {
  const before = (await pendingOrders()).length;
  const first = nameOf(await h.runs.createRun({ id: inProject, task: task() }, withId("same")));
  const again = await Promise.all(
    Array.from({ length: 20 }, () => h.runs.createRun({ id: inProject, task: task() }, withId("same"))),
  );
  expect(new Set(again.map(nameOf))).toEqual(new Set([first]));
  const racing = await Promise.all(
    Array.from({ length: 20 }, () => h.runs.createRun({ id: named("racing"), task: task() }, withId("race"))),
  );
  expect(new Set(racing.map(nameOf))).toEqual(new Set(["racing"]));
  expect((await pendingOrders()).length).toBe(before + 2);
});

test("one request id with another request is another run: the SDK's ids within a task are short", async () => {
  const one = await h.runs.createRun({ id: inProject, task: task("one") }, withId("short"));
  const two = await h.runs.createRun({ id: inProject, task: task("two") }, withId("short"));
  expect(nameOf(two)).not.toBe(nameOf(one));
});

test("a request id still names its run after the store was opened again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "homeplane-cp-"));
  try {
    const path = join(folder, "db.sqlite");
    const names: string[] = [];
    for (let opening = 0; opening < 2; opening++) {
      await using again = await startHarness({ path });
      names.push(nameOf(await again.runs.createRun({ id: inProject, task: task() }, withId("kept"))));
      expect(await again.store.orders.pending(0n, 10)).toHaveLength(1);
    }
    expect(names[1]).toBe(names[0]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a name that is taken is ALREADY_EXISTS, and the inputs of the run that has it stay as they are", async () => {
  const first = inputs(1);
  await h.runs.createRun(
    { id: named("taken"), task: task(), inputWrapper: { case: "inputs", value: first } },
    withId("t1"),
  );
  const url = `s3://bucket-1/${org}/${project}/${domain}/taken/inputs/inputs.pb`;
  const second = { case: "inputs" as const, value: inputs(2) };
  const again = await refusal(
    h.runs.createRun({ id: named("taken"), task: task(), inputWrapper: second }, withId("t2")),
  );
  const upload = await refusal(h.data.uploadInputs({ id: named("taken"), inputs: second.value }));
  expect([again.code, upload.code]).toEqual([Code.AlreadyExists, Code.AlreadyExists]);
  expect(again.message).toContain("choose another name");
  expect(h.objects.get(url)).toEqual(toBinary(InputsSchema, first));
});

test("what UploadInputs gave out becomes the run's name, its inputs and its folder", async () => {
  const { offloadedInputData } = await h.data.uploadInputs({ id: inProject, task: task(), inputs: inputs(3) });
  if (offloadedInputData === undefined) throw new Error("no address");
  expect(offloadedInputData.inputsHash).not.toBe("");
  const inputWrapper = { case: "offloadedInputData" as const, value: offloadedInputData };
  const first = nameOf(await h.runs.createRun({ id: inProject, task: task(), inputWrapper }));
  expect(offloadedInputData.uri).toBe(`s3://bucket-1/${org}/${project}/${domain}/${first}/inputs`);
  const runId = { project, domain, name: first };
  const uris = await h.runs.getActionDataURIs({ actionId: { run: runId, name: "a0" } });
  expect(uris.inputsUri).toBe(`${offloadedInputData.uri}/inputs.pb`);
  // A rerun gives the file's address, and gets a name of its own.
  const value = { uri: uris.inputsUri, inputsHash: "h" };
  const rerun = nameOf(
    await h.runs.createRun({ id: inProject, task: task(), inputWrapper: { case: "offloadedInputData", value } }),
  );
  expect(rerun).not.toBe(first);
  const again = await h.runs.getActionDataURIs({ actionId: { run: { ...runId, name: rerun }, name: "a0" } });
  expect(again.inputsUri).toBe(uris.inputsUri);
});

test.each([
  ["another project's inputs", `s3://bucket-1/${org}/other/${domain}/r1/inputs`],
  ["another organisation's", `s3://bucket-1/umbrella/${project}/${domain}/r1/inputs`],
  ["no address", "not an address"],
  ["none at all", ""],
])("inputs by address: %s are refused", async (_, uri) => {
  const inputWrapper = { case: "offloadedInputData" as const, value: { uri } };
  const error = await refusal(h.runs.createRun({ id: inProject, task: task(), inputWrapper }));
  expect(error.code).toBe(Code.InvalidArgument);
  expect(error.message).toContain("offloaded_input_data.uri");
});

test.each([
  ["an unknown project", { ...inProject, value: { name: "nowhere", domain } }, Code.NotFound, "flyte create project"],
  [
    "an unknown domain",
    { ...inProject, value: { name: project, domain: "nowhere" } },
    Code.NotFound,
    "the domains are",
  ],
  ["no project", { case: undefined }, Code.InvalidArgument, "project_id"],
  [
    "an endless project",
    { ...inProject, value: { name: "p".repeat(100_000), domain } },
    Code.InvalidArgument,
    "the limit is 255",
  ],
  ["an endless run name", named("r".repeat(31)), Code.InvalidArgument, "1 to 30"],
  ["a run name that climbs", named("../../other"), Code.InvalidArgument, "1 to 30"],
  ["upper case in a run name", named("Run"), Code.InvalidArgument, "lower-case"],
] as const)("%s is refused with the way out, by CreateRun and by UploadInputs", async (_, id, code, text) => {
  for (const call of [h.runs.createRun({ id, task: task() }), h.data.uploadInputs({ id })]) {
    const error = await refusal(call);
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
  }
});

test.each([
  ["no task", { case: undefined }, Code.InvalidArgument, "task_id"],
  [
    "a task with nothing to run",
    { case: "taskSpec", value: { shortName: "empty", taskTemplate: { type: "python" } } },
    Code.InvalidArgument,
    "task_spec.task_template.target",
  ],
  ["a spec without a template", { case: "taskSpec", value: {} }, Code.InvalidArgument, "task_template"],
  ["a template beyond 1 MiB", { case: "taskSpec", value: taskSpec("big", 1 << 20) }, Code.InvalidArgument, "1048576"],
  [
    "a task that is not deployed",
    { case: "taskId", value: { org, project, domain, name: "n", version: "v" } },
    Code.NotFound,
    "flyte deploy",
  ],
  ["a trigger without a name", { case: "triggerName", value: {} }, Code.InvalidArgument, "trigger_name.project"],
  [
    "a trigger that does not exist",
    { case: "triggerName", value: { project, domain, taskName: "n", name: "t" } },
    Code.NotFound,
    "flyte get trigger",
  ],
] as const)("%s is refused and leaves nothing behind", async (_, what, code, text) => {
  const before = (await pendingOrders()).length;
  const error = await refusal(h.runs.createRun({ id: named("half"), task: what }));
  expect(error.code).toBe(code);
  expect(error.message).toContain(text);
  expect(await h.store.runs.get({ project, domain, run: "half" })).toBeUndefined();
  expect((await pendingOrders()).length).toBe(before);
});

test("inputs beyond 10 MiB are refused with a clear error, just below they are taken", async () => {
  for (const call of [
    h.data.uploadInputs({ id: inProject, inputs: inputs(10 << 20) }),
    h.runs.createRun({ id: inProject, task: task(), inputWrapper: { case: "inputs", value: inputs(10 << 20) } }),
  ]) {
    const error = await refusal(call);
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.message).toMatch(/the limit is 10485760: pass large data as flyte.io.File/);
  }
  await h.data.uploadInputs({ id: inProject, inputs: inputs((10 << 20) - 64) });
});

test("a run's base may be chosen below its own project, nowhere else", async () => {
  const runBaseDir = `s3://bucket-1/${org}/other/${domain}/r1`;
  const error = await refusal(h.runs.createRun({ id: inProject, task: task(), runSpec: { runBaseDir } }));
  expect(error.code).toBe(Code.InvalidArgument);
  expect(error.message).toContain("run_base_dir");
  await h.runs.createRun({
    id: inProject,
    task: task(),
    runSpec: { runBaseDir: `s3://bucket-1/${org}/${project}/${domain}/elsewhere` },
  });
});
