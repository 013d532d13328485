import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { create } from "@bufbuild/protobuf";
import { OrderSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Store } from "./port.ts";
import { openSqliteStore } from "./sqlite.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "homeplane-group-"));
});
afterEach(() => rm(folder, { recursive: true }));

const project = (id: string) => ({ id, name: id, description: "", labels: {}, archived: false });
const order = create(OrderSchema);

type Write =
  | { readonly kind: "project"; readonly id: string }
  | { readonly kind: "order" }
  | { readonly kind: "poison" };

function apply(store: Store, write: Write): Promise<unknown> {
  switch (write.kind) {
    case "project":
      return store.projects.create(project(write.id));
    case "order":
      return store.orders.append(order);
    case "poison":
      // Deletes the first order, then fails on a number that SQLite can not hold: all of it must be undone.
      return store.orders.acknowledge([1n, 2n ** 70n]);
  }
}

const anyWrite: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ kind: fc.constant("project" as const), id: fc.constantFrom("a", "b", "c") }),
  fc.record({ kind: fc.constant("order" as const) }),
  fc.record({ kind: fc.constant("poison" as const) }),
);

async function contents(store: Store): Promise<unknown> {
  const projects = await store.projects.list({ sort: "id", ascending: true, limit: 100, offset: 0 });
  return [projects.map(({ id }) => id), (await store.orders.pending(0n, 1_000)).length];
}

test("writes that share a commit do and answer what they would one after the other", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyWrite, { maxLength: 40 }), async (all) => {
      const grouped = openSqliteStore(":memory:", { durable: true });
      const single = openSqliteStore(":memory:");
      const answers = await Promise.allSettled(all.map((write) => apply(grouped, write)));
      const expected: PromiseSettledResult<unknown>[] = [];
      for (const write of all) expected.push(...(await Promise.allSettled([apply(single, write)])));
      expect(answers.map(({ status }) => status)).toEqual(expected.map(({ status }) => status));
      expect(answers.map((answer) => "value" in answer && answer.value)).toEqual(
        expected.map((answer) => "value" in answer && answer.value),
      );
      expect(await contents(grouped)).toEqual(await contents(single));
      await grouped.close();
      await single.close();
    }),
    { numRuns: 100 },
  );
});

test("many writes at once wait for the disk together", async () => {
  const path = join(folder, "db.sqlite");
  const store = openSqliteStore(path, { durable: true });
  const db = new DatabaseSync(path);
  const before = (db.prepare("PRAGMA data_version").get() as { data_version: number }).data_version;
  await Promise.all(Array.from({ length: 300 }, () => store.orders.append(order)));
  // Counts by one for each commit of another connection that this one sees; all 300 are one.
  const after = (db.prepare("PRAGMA data_version").get() as { data_version: number }).data_version;
  expect(after - before).toBe(1);
  expect(await store.orders.pending(0n, 1_000)).toHaveLength(300);
  db.close();
  await store.close();
});

test("a locked database fails the writes of a group within its time-out, once for all of them", async () => {
  const path = join(folder, "db.sqlite");
  const store = openSqliteStore(path, { durable: true });
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const begun = performance.now();
  const answers = await Promise.allSettled(Array.from({ length: 50 }, () => store.orders.append(order)));
  expect(performance.now() - begun).toBeLessThan(5_000);
  for (const answer of answers) expect(answer).toMatchObject({ status: "rejected", reason: { failure: "busy" } });
  other.exec("ROLLBACK");
  other.close();
  await store.orders.append(order);
  await store.close();
});

test("what a killed process has acknowledged is there", async () => {
  const path = join(folder, "db.sqlite");
  for (let round = 0; round < 3; round++) {
    const writer = spawn(process.execPath, [join(import.meta.dirname, "../testing/writer.ts"), path, "durable"]);
    let acknowledged = "";
    writer.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      acknowledged += chunk;
    });
    await once(writer.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, 40 + round * 37));
    const closed = once(writer, "close");
    writer.kill("SIGKILL");
    await closed;
    const db = new DatabaseSync(path, { readOnly: true });
    const stored = new Set(
      db
        .prepare("SELECT run FROM runs")
        .all()
        .map(({ run }) => run as string),
    );
    const names = acknowledged.slice(0, acknowledged.lastIndexOf("\n")).split("\n");
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(stored).toContain(name);
    db.close();
  }
});
