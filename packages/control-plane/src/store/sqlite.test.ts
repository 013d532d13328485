import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { domain, project } from "../testing/sample.ts";
import { openSqliteStore } from "./sqlite.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "homeplane-store-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("a database that a newer version wrote is refused, with the way out, and left as it is", () => {
  const path = join(folder, "db.sqlite");
  const db = new DatabaseSync(path);
  db.exec("PRAGMA user_version = 99; CREATE TABLE theirs (x)");
  expect(() => openSqliteStore(path)).toThrow(/schema version 99, this program knows \d+: use the newer version/);
  expect(db.prepare("SELECT name FROM sqlite_master").all()).toEqual([{ name: "theirs" }]);
  db.close();
});

test("opening again keeps what was stored", async () => {
  const path = join(folder, "db.sqlite");
  const value = { id: "p", name: "P", description: "d", labels: { a: "b" }, archived: true };
  const first = openSqliteStore(path);
  expect(await first.projects.create(value)).toBe(true);
  await first.close();
  const second = openSqliteStore(path);
  expect(await second.projects.get("p")).toEqual(value);
  await second.close();
});

test("a writer killed at any moment leaves no run without its root action and its order", async () => {
  const path = join(folder, "db.sqlite");
  let runs = 0;
  for (let round = 0; round < 4; round++) {
    const writer = spawn(process.execPath, [join(import.meta.dirname, "../testing/writer.ts"), path]);
    await once(writer.stdout, "data");
    // Another moment in each round.
    await new Promise((resolve) => setTimeout(resolve, 15 + round * 23));
    const exited = once(writer, "exit");
    writer.kill("SIGKILL");
    expect((await exited)[1]).toBe("SIGKILL");
    const store = openSqliteStore(path);
    const orders = await store.orders.pending(0n, 1_000_000);
    const ordered = orders.map(({ order }) => (order.case === "start" ? order.value.spec?.actionId?.run?.name : ""));
    const db = new DatabaseSync(path, { readOnly: true });
    const stored = db
      .prepare("SELECT run FROM runs ORDER BY rowid")
      .all()
      .map(({ run }) => run as string);
    expect(stored).toEqual(ordered);
    expect(db.prepare("SELECT count(*) AS n FROM actions WHERE action = 'a0'").get()).toEqual({ n: stored.length });
    for (const run of stored.slice(-3)) {
      expect(await store.actions.get({ project, domain, run, action: "a0" }, { withTaskSpec: true })).toBeDefined();
    }
    expect(stored.length).toBeGreaterThan(runs);
    runs = stored.length;
    db.close();
    await store.close();
  }
});

test("a transaction that fails half-way is rolled back, and the store goes on", async () => {
  const store = openSqliteStore(":memory:");
  const order = { $typeName: "homeplane.v1.Order" as const, sequence: 0n, order: { case: undefined } };
  await expect(store.orders.acknowledge([1n, 2n ** 70n])).rejects.toThrow();
  await store.orders.append(order);
  expect(await store.orders.pending(0n, 10)).toHaveLength(1);
  await store.close();
});
