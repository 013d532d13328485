import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type KubeObject, parseObject } from "./object.ts";
import { openStore } from "./sqlite-store.ts";
import type { Store, Write } from "./store.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "kube-store-"));
});
afterAll(() => rm(dir, { recursive: true }));

function put(name: string, expected: number, more: KubeObject["metadata"] = {}): Write {
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "n", uid: `uid-${name}`, ...more },
  };
  return {
    op: "put",
    key: { resource: "configmaps", namespace: "n", name },
    expected,
    object,
    selectable: { labels: {}, fields: {} },
  };
}

async function names(store: Store): Promise<string[]> {
  return (await store.list({ resource: "configmaps", limit: 1000 })).items.map(
    (item) => `${item.name}@${item.revision}`,
  );
}

test("a restart keeps objects, revision, owners and the history of watches", async () => {
  const path = join(dir, "restart.db");
  const first = openStore({ path });
  await first.commit([put("a", 0)]);
  await first.commit([
    put("b", 0, { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "a", uid: "uid-a" }] }),
  ]);
  await first.commit([put("a", 1, { labels: { x: "y" } })]);
  await first.close();
  const second = openStore({ path });
  expect(await names(second)).toEqual(["a@3", "b@2"]);
  expect([second.revision, second.compacted]).toEqual([3, 0]);
  expect((await second.dependentsOf("uid-a", 10)).map((key) => key.name)).toEqual(["b"]);
  const watch = second.watch({ resource: "configmaps", after: 1 });
  expect((await watch.next()).map((change) => `${change.type} ${change.name} ${change.revision}`)).toEqual([
    "ADDED b 2",
    "MODIFIED a 3",
  ]);
  const more = await second.commit([put("c", 0)]);
  expect(more.ok && more.changes[0]?.revision).toBe(4);
  await second.close();
});

test("the revision goes on after a restart although everything was deleted and the log was cut", async () => {
  const path = join(dir, "cut.db");
  const first = openStore({ path, keepChanges: 1 });
  for (let n = 0; n < 200; n++) {
    const write = put("a", n === 0 ? 0 : n);
    await first.commit([write]);
  }
  await first.commit([{ ...put("a", 200), op: "delete" } as Write]);
  await first.close();
  const second = openStore({ path, keepChanges: 1 });
  expect(second.revision).toBe(201);
  expect(second.compacted).toBeGreaterThan(100);
  await second.close();
});

test("a transaction is all or nothing", async () => {
  const store = openStore({ path: ":memory:" });
  await store.commit([put("a", 0)]);
  const failed = await store.commit([put("b", 0), put("a", 99)]);
  expect(failed).toEqual({ ok: false, conflict: { resource: "configmaps", namespace: "n", name: "a" } });
  expect(await names(store)).toEqual(["a@1"]);
  expect(store.revision).toBe(1);
  await store.close();
});

test("the log stays within its bytes", async () => {
  const store = openStore({ path: ":memory:", keepBytes: 50_000 });
  for (let n = 0; n < 50; n++) await store.commit([put("a", n, { annotations: { big: "x".repeat(5000) } })]);
  expect(store.revision - store.compacted).toBeLessThan(12);
  await store.close();
});

test("a second process is refused while one holds the file", async () => {
  const path = join(dir, "locked.db");
  const first = openStore({ path });
  await first.commit([put("a", 0)]);
  expect(() => openStore({ path })).toThrow("can not be opened");
  await first.close();
});

/** Writes without pause, and says which revisions were acknowledged. */
const WRITER = `
const { openStore } = await import(process.argv[1]);
const store = openStore({ path: process.argv[2] });
for (let n = 0; ; n++) {
  const key = { resource: "configmaps", namespace: "n", name: "a" + n };
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: key.name, namespace: "n", uid: key.name } };
  await store.commit([{ op: "put", key, expected: 0, object, selectable: { labels: {}, fields: {} } }]);
  process.stdout.write(store.revision + "\\n");
  if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
}`;

test("a kill in the middle of writing loses nothing that was acknowledged and leaves log and objects in agreement", async () => {
  const path = join(dir, "killed.db");
  const module = new URL("./sqlite-store.ts", import.meta.url).href;
  const child = spawn(process.execPath, ["--input-type=module", "-e", WRITER, module, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let acknowledged = 0;
  for await (const chunk of child.stdout) {
    const lines = String(chunk)
      .split("\n")
      .filter((line) => /^\d+$/.test(line));
    acknowledged = Number(lines.at(-2) ?? acknowledged);
    if (acknowledged > 200) break;
  }
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  const store = openStore({ path });
  expect(store.revision).toBeGreaterThanOrEqual(acknowledged);
  const { items } = await store.list({ resource: "configmaps", limit: 100_000 });
  expect(items.length).toBe(store.revision);
  expect(Math.max(...items.map((item) => Number(parseObject(item.json).metadata.resourceVersion)))).toBe(
    store.revision,
  );
  await store.close();
});
