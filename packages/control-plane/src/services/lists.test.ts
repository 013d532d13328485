import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { Filter_Function, type ListRequestSchema, Sort_Direction } from "@homeplane/idl/flyteidl2/common/list";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ListRunsRequestSchema, ListRunsResponseSchema } from "@homeplane/idl/flyteidl2/workflow/run_service";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  domain,
  type Harness,
  inProject,
  org,
  project,
  projectId,
  refusal,
  startHarness,
  task,
} from "../testing/harness.ts";

let h: Harness;
let now = 1_700_000_000_000;
const names: string[] = [];
beforeAll(async () => {
  h = await startHarness({ now: () => now });
  await h.projects.createProject({ project: { id: "second" } });
  for (const [index, name] of ["one", "two", "three"].entries()) {
    now += 1000;
    const runSpec = { labels: { values: { team: index === 0 ? "a" : "b", "x.y/z": `${index}` } } };
    const { run } = await h.runs.createRun({ id: inProject, task: task(name), runSpec });
    names.push(run?.action?.id?.run?.name ?? "");
  }
  const runId = { project, domain, name: names[2] ?? "" };
  await h.internal.updateActionStatus({
    actionId: { run: runId, name: "a0" },
    status: { phase: ActionPhase.RECOVERED, attempts: 1 },
  });
  const spec = { case: "trace" as const, value: { name: "t" } };
  await h.internal.recordAction({ actionId: { run: runId, name: "child" }, parent: "a0", spec });
});
afterAll(() => h[Symbol.asyncDispose]());

const scopeBy = { case: "projectId" as const, value: projectId };
const listed = (answer: { runs: Awaited<ReturnType<Harness["runs"]["listRuns"]>>["runs"] }) =>
  answer.runs.map((run) => run.action?.metadata?.funtionName);
const filtered = async (field: string, fn: Filter_Function, values: string[]) =>
  listed(await h.runs.listRuns({ scopeBy, request: { filters: [{ field, function: fn, values }] } }));
const { EQUAL, NOT_EQUAL, VALUE_IN, VALUE_NOT_IN, CONTAINS, GREATER_THAN, LESS_THAN_OR_EQUAL, EXISTS, NOT_EXISTS } =
  Filter_Function;

test("runs are listed newest first, one row a run, or oldest first when asked", async () => {
  expect(listed(await h.runs.listRuns({ scopeBy }))).toEqual(["three", "two", "one"]);
  const oldest = { sortBy: { key: "created_at", direction: Sort_Direction.ASCENDING } };
  expect(listed(await h.runs.listRuns({ scopeBy, request: oldest }))).toEqual(["one", "two", "three"]);
});

test.each([
  ["phase", EQUAL, ["1", "0"], ["three"]],
  ["phase", EQUAL, ["1"], ["two", "one"]],
  ["phase", VALUE_IN, ["QUEUED", "ACTION_PHASE_RECOVERED"], ["three", "two", "one"]],
  ["phase", VALUE_NOT_IN, ["10"], ["two", "one"]],
  ["task_name", EQUAL, ["env.two"], ["two"]],
  ["task_name", CONTAINS, ["e"], ["three", "two", "one"]],
  ["labels.team", EQUAL, ["a"], ["one"]],
  ["labels.x.y/z", EQUAL, ["2"], ["three"]],
  ["labels.none", EQUAL, ["a"], []],
  ["task_name", NOT_EQUAL, ["env.two"], ["three", "one"]],
  ["created_at", GREATER_THAN, [new Date(1_700_000_001_000).toISOString()], ["three", "two"]],
  ["created_at", LESS_THAN_OR_EQUAL, ["2023-11-14T22:13:21+00:00"], ["one"]],
  ["updated_at", GREATER_THAN, [new Date(1_700_000_002_000).toISOString()], ["three"]],
  ["created_by", EQUAL, ["local"], ["three", "two", "one"]],
  ["created_by", EQUAL, ["somebody"], []],
  ["task_version", EQUAL, ["v1"], ["three", "two", "one"]],
  ["task_version", EQUAL, ["v2"], []],
  ["labels.team", EXISTS, [], ["three", "two", "one"]],
  ["labels.none", EXISTS, [], []],
  ["labels.none", NOT_EXISTS, [], ["three", "two", "one"]],
  ["task_name", EQUAL, ["' OR 1=1 --"], []],
  ["labels.' OR '1'='1", EQUAL, ["a"], []],
] as const)("filter %s %s %s finds %s", async (field, fn, values, expected) => {
  expect(await filtered(field, fn, [...values])).toEqual(expected);
});

test("runs are listed by task, by version, and those in which somebody is waited for", async () => {
  const of = (version: string) => ({ org, project, domain, name: "env.two", version });
  expect(listed(await h.runs.listRuns({ scopeBy: { case: "taskName", value: of("") } }))).toEqual(["two"]);
  expect(listed(await h.runs.listRuns({ scopeBy: { case: "taskId", value: of("v1") } }))).toEqual(["two"]);
  expect(listed(await h.runs.listRuns({ scopeBy: { case: "taskId", value: of("v2") } }))).toEqual([]);
  const paused = async () => listed(await h.runs.listRuns({ scopeBy, pausedActionsOnly: true }));
  expect(await paused()).toEqual([]);
  const child = { run: { project, domain, name: names[1] ?? "" }, name: "asks" };
  const spec = { case: "condition" as const, value: { name: "ok?" } };
  await h.internal.recordAction({ actionId: child, parent: "a0", spec });
  await h.internal.updateActionStatus({ actionId: child, status: { phase: ActionPhase.PAUSED, attempts: 1 } });
  expect(await paused()).toEqual(["two"]);
});

const badLists: [string, MessageInitShape<typeof ListRequestSchema>, string][] = [
  [
    "an unknown field",
    { filters: [{ field: "a.parent; DROP TABLE runs", function: EQUAL, values: ["x"] }] },
    "fields are",
  ],
  ["a field from the prototype", { filters: [{ field: "__proto__", function: EQUAL, values: ["x"] }] }, "fields are"],
  [
    "a function that is not there",
    { filters: [{ field: "name", function: 99 as Filter_Function, values: ["x"] }] },
    "function",
  ],
  ["no value", { filters: [{ field: "name", function: EQUAL, values: [] }] }, "values"],
  ["two values for one", { filters: [{ field: "name", function: EQUAL, values: ["a", "b"] }] }, "one value"],
  ["a phase that is none", { filters: [{ field: "phase", function: EQUAL, values: ["99"] }] }, "no phase"],
  ["a time that is none", { filters: [{ field: "created_at", function: EQUAL, values: ["soon"] }] }, "no time"],
  [
    "too many values",
    { filters: [{ field: "name", function: VALUE_IN, values: Array<string>(501).fill("x") }] },
    "500",
  ],
  [
    "too many filters",
    { filters: Array.from({ length: 100 }, () => ({ field: "name", function: EQUAL, values: ["x"] })) },
    "20",
  ],
  ["another sort key", { sortBy: { key: "phase" } }, "created_at"],
  ["a token of somebody else's", { token: "1; DROP TABLE runs" }, "token"],
];
test.each(badLists)("%s is INVALID_ARGUMENT that says what is right", async (_, request, text) => {
  for (const call of [
    h.runs.listRuns({ scopeBy, request }),
    h.runs.listActions({ runId: { project, domain, name: names[0] ?? "" }, request }),
  ]) {
    const error = await refusal(call);
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.message).toContain(text);
  }
});

test("of a oneof that is set twice on the wire the last counts, as the SDK relies on", async () => {
  const byOrg = toBinary(
    ListRunsRequestSchema,
    create(ListRunsRequestSchema, { scopeBy: { case: "org", value: "127" } }),
  );
  const second = { case: "projectId" as const, value: { name: "second", domain } };
  const byProject = toBinary(ListRunsRequestSchema, create(ListRunsRequestSchema, { scopeBy: second }));
  const ask = async (body: Buffer) => {
    const url = `${h.baseUrl}/flyteidl2.workflow.RunService/ListRuns`;
    const answer = await fetch(url, { method: "POST", body, headers: { "content-type": "application/proto" } });
    return fromBinary(ListRunsResponseSchema, new Uint8Array(await answer.arrayBuffer())).runs.length;
  };
  expect(await ask(Buffer.concat([byOrg, byProject]))).toBe(0);
  expect(await ask(Buffer.concat([byProject, byOrg]))).toBe(3);
});

test("actions of a run are listed with their root, and can be narrowed to children", async () => {
  const runId = { org: "127", project, domain, name: names[2] ?? "" };
  const all = await h.runs.listActions({ runId });
  expect(all.actions.map((action) => [action.id?.name, action.id?.run?.org])).toEqual([
    ["child", org],
    ["a0", org],
  ]);
  const children = { filters: [{ field: "parent_name", function: EQUAL, values: ["a0"] }] };
  expect((await h.runs.listActions({ runId, request: children })).actions.map((action) => action.id?.name)).toEqual([
    "child",
  ]);
});

test("pages put together are the whole list in its order, while runs are made in between", async () => {
  const step = fc.integer({ min: 0, max: 2 });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      fc.array(step, { maxLength: 10 }),
      async (limit, ascending, births) => {
        await using own = await startHarness({ now: () => now });
        const make = async (count: number): Promise<void> => {
          for (let n = 0; n < count; n++) {
            // Every other run shares its creation time with the one before.
            now += n % 2;
            await own.runs.createRun({ id: inProject, task: task() });
          }
        };
        const nameOf = (run: { action?: { id?: { run?: { name: string } } } }) => run.action?.id?.run?.name;
        const sortBy = {
          key: "created_at",
          direction: ascending ? Sort_Direction.ASCENDING : Sort_Direction.DESCENDING,
        };
        await make(6);
        const before = (await own.runs.listRuns({ scopeBy, request: { sortBy, limit: 1000 } })).runs.map(nameOf);
        const paged: unknown[] = [];
        let token = "";
        do {
          const page = await own.runs.listRuns({ scopeBy, request: { sortBy, limit, token } });
          expect(page.runs.length).toBeLessThanOrEqual(limit);
          paged.push(...page.runs.map(nameOf));
          token = page.token;
          now++;
          await make(births.pop() ?? 0);
        } while (token !== "");
        expect(paged.slice(0, before.length)).toEqual(before);
        expect(new Set(paged).size).toBe(paged.length);
        if (!ascending) expect(paged).toHaveLength(before.length);
      },
    ),
    { numRuns: 15 },
  );
});
