import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { Filter_Function, Sort_Direction } from "@homeplane/idl/flyteidl2/common/list";
import { TaskMetadataSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import { ProjectState } from "@homeplane/idl/flyteidl2/project/project_service";
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
  taskSpec,
} from "../testing/harness.ts";

let h: Harness;
let now = 1_700_000_000_000;
beforeAll(async () => {
  h = await startHarness({ now: () => now });
});
afterAll(() => h[Symbol.asyncDispose]());

const id = (name: string, version: string) => ({ org: "127", project, domain, name, version });
const deploy = (name: string, version: string, padding = 0) => {
  now += 1000;
  return h.tasks.deployTask({ taskId: id(name, version), spec: taskSpec(name, padding) });
};
const equal = (field: string, value: string) => ({ field, function: Filter_Function.EQUAL, values: [value] });
const scopeBy = { case: "projectId" as const, value: projectId };

test("a deployed task is found, runs by its id, and its version stays as it is", async () => {
  await deploy("env.a", "v1");
  const { details } = await h.tasks.getTaskDetails({ taskId: id("env.a", "v1") });
  expect(details).toMatchObject({ taskId: { org, name: "env.a", version: "v1" }, spec: { shortName: "env.a" } });
  const { run } = await h.runs.createRun({ id: inProject, task: { case: "taskId", value: id("env.a", "v1") } });
  expect(run?.action?.metadata?.spec).toMatchObject({ case: "task", value: { id: { name: "env.a" } } });
  const same = await refusal(deploy("env.a", "v1"));
  const other = await refusal(deploy("env.a", "v1", 10));
  expect([same.code, other.code]).toEqual([Code.AlreadyExists, Code.AlreadyExists]);
  expect(other.message).toContain("choose a new version");
});

test("lists show the latest version of each task, newest first; one name gives its latest; versions are all of them", async () => {
  await deploy("env.b", "v1");
  await deploy("env.b", "v2");
  await deploy("env.c", "v1");
  const all = await h.tasks.listTasks({ scopeBy });
  const shown = all.tasks.map((found) => `${found.taskId?.name} ${found.taskId?.version}`);
  expect(shown.slice(0, 2)).toEqual(["env.c v1", "env.b v2"]);
  const latest = await h.tasks.listTasks({ scopeBy, request: { limit: 1, filters: [equal("name", "env.b")] } });
  expect([latest.tasks.map((found) => found.taskId?.version), latest.token]).toEqual([["v2"], ""]);
  const { versions } = await h.tasks.listVersions({ taskName: { org, project, domain, name: "env.b" } });
  expect(versions.map(({ version }) => version)).toEqual(["v2", "v1"]);
});

test("tasks are listed oldest first when asked, by a part of their name, and entry points alone", async () => {
  now += 1000;
  const spec = taskSpec("door.main");
  if (spec.taskTemplate) spec.taskTemplate.metadata = create(TaskMetadataSchema, { isEntrypoint: true });
  await h.tasks.deployTask({ taskId: id("door.main", "v1"), spec });
  const names = async (request: object, knownFilters: object[] = []): Promise<(string | undefined)[]> => {
    const { tasks } = await h.tasks.listTasks({ scopeBy, request, knownFilters });
    return tasks.map((found) => found.taskId?.name);
  };
  const newestFirst = await names({});
  const ascending = { sortBy: { key: "created_at", direction: Sort_Direction.ASCENDING } };
  expect(await names(ascending)).toEqual(newestFirst.toReversed());
  const contains = { field: "name", function: Filter_Function.CONTAINS, values: ["door."] };
  expect(await names({ filters: [contains] })).toEqual(["door.main"]);
  const entrypoint = { filterBy: { case: "isEntrypoint" as const, value: true } };
  expect(await names({}, [entrypoint])).toEqual(["door.main"]);
});

test("pages of tasks neither repeat nor skip while tasks are deployed in between", async () => {
  const paged: string[] = [];
  const before = (await h.tasks.listTasks({ scopeBy })).tasks.map((found) => found.taskId?.name);
  let token = "";
  do {
    const page = await h.tasks.listTasks({ scopeBy, request: { limit: 1, token } });
    paged.push(...page.tasks.map((found) => found.taskId?.name ?? ""));
    token = page.token;
    await deploy(`env.new${paged.length}`, "v1");
  } while (token !== "");
  expect(paged).toEqual(before);
});

test.each([
  ["a template beyond 1 MiB", () => deploy("env.big", "v1", 1 << 20), Code.InvalidArgument, "1048576"],
  ["no template", () => h.tasks.deployTask({ taskId: id("n", "v"), spec: {} }), Code.InvalidArgument, "task_template"],
  ["no version", () => deploy("env.x", ""), Code.InvalidArgument, "task_id.version"],
  ["an endless name", () => deploy("n".repeat(300), "v"), Code.InvalidArgument, "limit is 255"],
  [
    "an unknown project",
    () => h.tasks.deployTask({ taskId: { ...id("n", "v"), project: "no" }, spec: taskSpec() }),
    Code.NotFound,
    "flyte create project",
  ],
  [
    "a task that is not there",
    () => h.tasks.getTaskDetails({ taskId: id("none", "v") }),
    Code.NotFound,
    "flyte deploy",
  ],
  [
    "another filter",
    () => h.tasks.listTasks({ scopeBy, request: { filters: [equal("color", "red")] } }),
    Code.InvalidArgument,
    "filters[0]",
  ],
  ["a foreign token", () => h.tasks.listTasks({ scopeBy, request: { token: "-1" } }), Code.InvalidArgument, "token"],
] as const)("%s is refused with the way out", async (_, call, code, text) => {
  const error = await refusal(call());
  expect(error.code).toBe(code);
  expect(error.message).toContain(text);
});

test("projects are made once, listed in pages, changed, and closed by archiving", async () => {
  for (const name of ["p1", "p2", "p3"]) await h.projects.createProject({ project: { id: name } });
  const again = await refusal(h.projects.createProject({ project: { id: "p1" } }));
  expect(again.code).toBe(Code.AlreadyExists);
  const paged: string[] = [];
  let token = "";
  do {
    const { projects } = await h.projects.listProjects({ limit: 1, token });
    paged.push(...(projects?.projects ?? []).map((found) => found.id));
    token = projects?.token ?? "";
  } while (token !== "");
  expect(paged).toEqual([project, "p1", "p2", "p3"]);
  const change = { id: "p1", name: "One", description: "d", labels: { values: { team: "a" } } };
  await h.projects.updateProject({ project: { ...change, state: ProjectState.ARCHIVED } });
  expect((await h.projects.getProject({ id: "p1" })).project).toMatchObject({
    ...change,
    org,
    state: ProjectState.ARCHIVED,
  });
  const closed = { case: "projectId" as const, value: { name: "p1", domain } };
  const error = await refusal(h.runs.createRun({ id: closed, task: task() }));
  expect(error.code).toBe(Code.FailedPrecondition);
  expect(error.message).toContain("archived");
});

test.each(["", "UPPER", "-a", "a-", "a.b", "a/b", "../a", "ä", "a".repeat(64), "a\n"])(
  "%j is no project's id",
  async (name) => {
    expect((await refusal(h.projects.createProject({ project: { id: name } }))).code).toBe(Code.InvalidArgument);
  },
);

test("a project that does not exist can be neither read nor changed", async () => {
  expect((await refusal(h.projects.getProject({ id: "none" }))).code).toBe(Code.NotFound);
  expect((await refusal(h.projects.updateProject({ project: { id: "none" } }))).code).toBe(Code.NotFound);
});

test("projects are listed by state, as the SDK asks for them, and in the order that is asked for", async () => {
  await h.projects.createProject({ project: { id: "zeta" } });
  await h.projects.createProject({ project: { id: "alpha" } });
  await h.projects.updateProject({ project: { id: "zeta", state: ProjectState.ARCHIVED } });
  const ids = async (request: Parameters<typeof h.projects.listProjects>[0]) =>
    (await h.projects.listProjects(request)).projects?.projects.map(({ id: found }) => found);
  const sortBy = { key: "created_at", direction: Sort_Direction.ASCENDING };
  expect(await ids({ filters: "eq(state, 0)", sortBy })).not.toContain("zeta");
  expect(await ids({ filters: "eq(state, 1)", sortBy })).toContain("zeta");
  expect(await ids({ filters: "eq(id, alpha)+eq(state, 0)", sortBy })).toEqual(["alpha"]);
  expect((await ids({ sortBy: { key: "id", direction: Sort_Direction.ASCENDING } }))?.[0]).toBe("alpha");
  for (const [request, text] of [
    [{ filters: "gt(state, 0)" }, "gt(state, 0)"],
    [{ filters: "eq(state, 7)" }, '"7"'],
    [{ sortBy: { key: "colour" } }, '"colour"'],
    [{ token: "next" }, "token"],
  ] as const) {
    const error = await refusal(h.projects.listProjects(request));
    expect([error.code, error.message]).toEqual([Code.InvalidArgument, expect.stringContaining(text) as string]);
  }
});
