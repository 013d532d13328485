import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Code } from "@connectrpc/connect";
import { create, toBinary } from "@bufbuild/protobuf";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { ActionDetailsSchema, RunSource } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newActionDetails } from "../actions/new-action.ts";
import { domain, inProject, org, project, refusal, startHarness, task, taskSpec } from "../testing/harness.ts";
import { migrate } from "./schema.ts";
import { storeError } from "./store-error.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "homeplane-disk-"));
});
afterEach(() => rm(folder, { recursive: true }));

const isRoot = process.getuid?.() === 0;

test.skipIf(!isRoot)(
  "on a full disk runs are refused with RESOURCE_EXHAUSTED, nothing is half-made, and space that returns is used (needs root, for a small disk)",
  async () => {
    const script = join(import.meta.dirname, "../testing/full-disk.ts");
    const command = `mount -t tmpfs -o size=4m tmpfs ${folder} && exec ${process.execPath} ${script} ${folder}`;
    const output = await new Promise<string>((resolve, reject) => {
      execFile("unshare", ["-m", "sh", "-c", command], { timeout: 50_000 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(stderr, { cause: error }));
      });
    });
    const seen = JSON.parse(output) as { accepted: number; message: string };
    expect(seen).toMatchObject({ code: "ResourceExhausted", again: true, integrity: "ok" });
    expect(seen.message).toMatch(/no space is left.*nothing was stored; free some space/);
    expect(seen.accepted).toBeGreaterThan(3);
    expect(seen).toMatchObject({ whileFull: seen.accepted, afterwards: seen.accepted + 1, orders: seen.accepted + 1 });
  },
  60_000,
);

test("a database that can not be written, or is locked, is UNAVAILABLE with the reason; the server goes on", async () => {
  const path = join(folder, "db.sqlite");
  await using h = await startHarness({ path });
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const error = await refusal(h.runs.createRun({ id: inProject, task: task() }));
  expect([error.code, error.message]).toEqual([Code.Unavailable, expect.stringContaining("locked") as string]);
  expect((await h.runs.listRuns({})).runs).toEqual([]);
  other.exec("ROLLBACK");
  other.close();
  await h.runs.createRun({ id: inProject, task: task() });
}, 20_000);

test.each([
  [13, "full"],
  [778, "full"],
  [8, "read-only"],
  [1032, "read-only"],
  [5, "busy"],
  [266, "unreadable"],
  [11, "unreadable"],
])("SQLite's result code %i is told as %s", (errcode, failure) => {
  expect(storeError(Object.assign(new Error("x"), { errcode }))).toMatchObject({ failure });
});

test("a database of the first version is brought up to date with what is in it", async () => {
  const path = join(folder, "db.sqlite");
  const old = new DatabaseSync(path);
  migrate(old, 1);
  old.prepare("INSERT INTO projects VALUES (?, 'Old', '', '{}', 0)").run("old");
  old
    .prepare("INSERT INTO tasks VALUES (?, ?, 'env.t', 'v1', 1, 1, ?)")
    .run(project, domain, toBinary(TaskSpecSchema, taskSpec()));
  for (const run of ["r1", "r2"]) {
    const spec = toBinary(RunSpecSchema, create(RunSpecSchema));
    old.prepare('INSERT INTO runs VALUES (?, ?, ?, 7, \'{"a":"b"}\', 1, ?, ?)').run(project, domain, run, spec, run);
    const key = { project, domain, run, action: "a0" };
    const kind = { case: "task" as const, spec: taskSpec() };
    const details = newActionDetails({ org, key, parent: "", group: "", createdAt: 7, source: RunSource.CLI, kind });
    const blob = toBinary(ActionDetailsSchema, details);
    old
      .prepare("INSERT INTO actions VALUES (?, ?, ?, 'a0', '', 7, 1, 'env.hello', '', '', ?, NULL, 1)")
      .run(project, domain, run, blob);
  }
  old.close();
  await using h = await startHarness({ path });
  const runs = (await h.runs.listRuns({})).runs;
  expect(runs.map(({ labels }) => labels)).toEqual([{ a: "b" }, { a: "b" }]);
  for await (const message of h.runs.watchRuns({ target: { case: "org", value: "" } })) {
    expect(message.runs.map(({ action }) => action?.id?.run?.name)).toEqual(["r1", "r2"]);
    break;
  }
  expect((await h.tasks.listTasks({})).tasks).toHaveLength(1);
  expect((await h.projects.getProject({ id: "old" })).project?.name).toBe("Old");
  await h.runs.createRun({ id: inProject, task: task() });
  expect((await h.runs.listRuns({})).runs).toHaveLength(3);
});
