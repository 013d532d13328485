import { createHook } from "node:async_hooks";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAll } from "../body.ts";
import type { ObjectStore } from "../port.ts";
import { openFsObjectStore } from "./fs-object-store.ts";

let root = "";
let store: ObjectStore;
const clock = { now: () => 1_700_000_000_123 };
const open = (): Promise<ObjectStore> => openFsObjectStore({ root, buckets: ["data", "other"], clock });

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "object-store-"));
  store = await open();
});
afterEach(() => rm(root, { recursive: true, force: true }));

const put = (key: string, text = key) => store.put("data", key, Buffer.from(text));
const read = async (key: string): Promise<string> =>
  Buffer.from(await readAll((await store.get("data", key)).body, 1e6)).toString();
const names = async (options = {}): Promise<string[]> =>
  (await store.list("data", options)).objects.map(({ key }) => key);

test("a plain key lies under its own name", async () => {
  await put("org/project/inputs.pb", "bytes");
  expect(await readFile(join(root, "data/org/project/inputs.pb"), "utf8")).toBe("bytes");
});

test("what was put comes back, described as it was, also from a store opened later", async () => {
  const metadata = { a: "b" };
  const written = await store.put("data", "k", Buffer.from("hello"), { contentType: "text/plain", metadata });
  store = await open();
  expect(await store.head("data", "k")).toEqual(written);
  expect(written).toEqual({
    key: "k",
    size: 5,
    etag: "5d41402abc4b2a76b9719d911017c592",
    lastModified: new Date(clock.now()),
    contentType: "text/plain",
    metadata,
  });
});

test("a range has both of its ends, is cut at the object's, and must begin in it", async () => {
  await put("k", "0123456789");
  const range = async (start: number, end?: number) => {
    const { body } = await store.get("data", "k", { range: { start, ...(end !== undefined && { end }) } });
    return Buffer.from(await readAll(body, 100)).toString();
  };
  expect(await range(2, 4)).toBe("234");
  expect(await range(8)).toBe("89");
  expect(await range(8, 100)).toBe("89");
  await expect(range(10)).rejects.toMatchObject({ code: "InvalidRange" });
});

test.each([
  "a/b",
  "a/",
  "a//b",
  "/",
  "//a",
  "..",
  "../../x",
  "a/../b",
  ".",
  "é/😀",
  "%",
  "%2e%2e/x",
  "a%file",
  "x".repeat(1024),
  `${"x".repeat(200)}../y`,
  "\n\u0000",
])("the key %j is kept, listed and deleted like any other", async (key) => {
  await put(key);
  expect(await read(key)).toBe(key);
  expect(await names()).toEqual([key]);
  expect((await readdir(root)).sort()).toEqual([".homeplane", "data", "other"]);
  await store.delete("data", key);
  expect(await names()).toEqual([]);
  expect(await readdir(join(root, "data"))).toEqual([]);
});

test.each(["", "\ud800", "x".repeat(1025)])("a key that S3 does not have is refused", async (key) => {
  await expect(put(key)).rejects.toMatchObject({ code: "InvalidKey" });
});

test("keys that begin with one another live side by side, in whatever order they come and go", async () => {
  const key = fc.constantFrom(
    "a",
    "a/b",
    "a/b/c",
    "a/",
    "a-",
    "a/b-",
    "a0",
    "A",
    "a/b/",
    "\uffff",
    "😀",
    `${"x".repeat(250)}/y`,
    "x".repeat(250),
    "x".repeat(200),
  );
  const step = fc.record({ key, gone: fc.boolean() });
  const delimiter = fc.constantFrom("", "/", "-");
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 14 }),
      delimiter,
      fc.constantFrom("", "a", "a/", "x"),
      fc.integer({ min: 1, max: 4 }),
      async (steps, by, prefix, maxKeys) => {
        const model = new Map<string, string>();
        for (const [i, { key, gone }] of steps.entries()) {
          if (gone) await store.delete("data", key);
          else await put(key, `${i}`);
          if (gone) model.delete(key);
          else model.set(key, `${i}`);
        }
        for (const [key, text] of model) expect(await read(key)).toBe(text);
        expect(await listAll({ prefix, delimiter: by, maxKeys })).toEqual(expected([...model.keys()], prefix, by));
        for (const key of model.keys()) await store.delete("data", key);
        expect(await readdir(join(root, "data"))).toEqual([]);
      },
    ),
    { numRuns: 60 },
  );
});

async function listAll(options: { prefix: string; delimiter: string; maxKeys: number }): Promise<string[]> {
  const found: string[] = [];
  let token: string | undefined;
  do {
    const page = await store.list("data", { ...options, ...(token !== undefined && { continuationToken: token }) });
    const here = [...page.objects.map(({ key }) => key), ...page.commonPrefixes.map((name) => `${name} (prefix)`)];
    expect(here.length).toBeLessThanOrEqual(options.maxKeys);
    found.push(...here.sort(byBytes));
    token = page.nextContinuationToken;
  } while (token !== undefined && found.length < 100);
  return found;
}

function expected(keys: string[], prefix: string, delimiter: string): string[] {
  const groups = keys
    .filter((key) => key.startsWith(prefix))
    .map((key) => {
      const at = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
      return at === -1 ? key : `${key.slice(0, at + 1)} (prefix)`;
    });
  return [...new Set(groups)].sort(byBytes);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

test("listing a deep prefix costs the same however large the rest of the tree is", async () => {
  await put("a/b/c/1");
  const callsOfList = async (): Promise<number> => {
    let calls = 0;
    const hook = createHook({ init: (_, type) => (calls += Number(type === "FSREQPROMISE")) }).enable();
    expect(await names({ prefix: "a/b/c/" })).toEqual(["a/b/c/1"]);
    hook.disable();
    return calls;
  };
  const before = await callsOfList();
  for (let i = 0; i < 30; i++) await put(`a/${i}/${i}`);
  expect(before).toBeGreaterThan(0);
  expect(await callsOfList()).toBe(before);
});

test("a body with another MD5 is refused and leaves nothing", async () => {
  await put("k", "before");
  const refused = store.put("data", "k", Buffer.from("x"), { contentMd5: Buffer.alloc(16) });
  await expect(refused).rejects.toMatchObject({ code: "BadDigest" });
  expect(await read("k")).toBe("before");
  const [session = ""] = await readdir(join(root, ".homeplane/staging"));
  expect(await readdir(join(root, ".homeplane/staging", session))).toEqual([]);
});

test("of many that create the same key at once, exactly one does", async () => {
  const tries = Array.from({ length: 20 }, (_, i) => store.put("data", "k", Buffer.from(`${i}`), { ifNoneMatch: "*" }));
  const outcomes = await Promise.allSettled(tries);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  const refused = outcomes.find(({ status }) => status === "rejected");
  expect(refused).toMatchObject({ reason: { code: "PreconditionFailed" } });
});

test("a reader sees one version whole, with its own etag, while writers replace it", async () => {
  await put("k", "0".repeat(10));
  const writers = Array.from({ length: 100 }, (_, i) => put("k", String(i % 10).repeat(10)));
  const readers = Array.from({ length: 100 }, async () => {
    const { meta, body } = await store.get("data", "k");
    const text = Buffer.from(await readAll(body, 100)).toString();
    expect(text).toBe((text[0] ?? "").repeat(10));
    expect(meta.etag).not.toContain("-");
  });
  await Promise.all([...writers, ...readers]);
});

test("an open reader keeps its version when the object is replaced or deleted", async () => {
  await put("k", "before");
  const { body } = await store.get("data", "k");
  await put("k", "after!");
  await store.delete("data", "k");
  expect(Buffer.from(await readAll(body, 100)).toString()).toBe("before");
});

test("what a crash left half-written is gone after the next open, and was never visible", async () => {
  await mkdir(join(root, ".homeplane/staging/open-dead"), { recursive: true });
  await writeFile(join(root, ".homeplane/staging/open-dead/1"), "half");
  expect(await names()).toEqual([]);
  await open();
  expect(await readdir(join(root, ".homeplane/staging"))).toHaveLength(1);
});

test("a put whose process died between its two renames is brought to its end by the next open", async () => {
  const old = await store.put("data", "a/k", Buffer.from("old"), { contentType: "text/old" });
  const written = await store.put("data", "a/k", Buffer.from("new"), { contentType: "text/new", metadata: { a: "b" } });
  const dead = join(root, ".homeplane/staging/open-dead");
  await mkdir(dead, { recursive: true });
  await rename(join(root, ".homeplane/meta/data/a/k%meta"), join(dead, "1.record"));
  expect((await store.head("data", "a/k")).contentType).toBeUndefined();
  store = await open();
  expect(await store.head("data", "a/k")).toEqual(written);
  // Of one that died before, nothing is taken over.
  await mkdir(dead, { recursive: true });
  const record = { bucket: "data", key: "a/k", size: old.size, mtimeNs: "1", etag: "x", contentType: "text/x" };
  await writeFile(join(dead, "1.record"), JSON.stringify(record));
  store = await open();
  expect(await store.head("data", "a/k")).toEqual(written);
});

test("of many that replace the same version, exactly one does", async () => {
  const { etag } = await put("k", "0");
  const tries = Array.from({ length: 20 }, (_, i) =>
    store.put("data", "k", Buffer.from(`${i + 1}`), { ifMatch: etag }),
  );
  const outcomes = await Promise.allSettled(tries);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  await expect(store.put("data", "none", Buffer.from("x"), { ifMatch: "*" })).rejects.toMatchObject({
    code: "NotFound",
  });
  await expect(store.delete("data", "k", { ifMatch: etag })).rejects.toMatchObject({ code: "PreconditionFailed" });
});

test("a file that a person changes is served as it is, with another etag", async () => {
  const { etag } = await put("k", "one");
  await writeFile(join(root, "data/k"), "by hand");
  expect(await read("k")).toBe("by hand");
  const changed = await store.head("data", "k");
  expect(changed.etag).not.toBe(etag);
  expect((await store.list("data")).objects).toEqual([changed]);
});

test("a bucket that the store was not opened with does not exist", async () => {
  await mkdir(join(root, "third"));
  await expect(store.list("third")).rejects.toMatchObject({ code: "NoSuchBucket" });
  await expect(store.head(".homeplane", "meta")).rejects.toMatchObject({ code: "NoSuchBucket" });
});

test("an aborted signal ends a put, and nothing of it is seen", async () => {
  const stop = new AbortController();
  const body = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from("first");
    stop.abort(new Error("enough"));
    yield Buffer.from("second");
  };
  await expect(store.put("data", "k", body(), { signal: stop.signal })).rejects.toThrow("enough");
  await expect(store.head("data", "k")).rejects.toMatchObject({ code: "NotFound" });
});

test("an abort between get and reading is the reader's error, not the process's", async () => {
  await put("k", "text");
  const stop = new AbortController();
  const { body } = await store.get("data", "k", { signal: stop.signal });
  stop.abort(new Error("enough"));
  await new Promise((resolve) => setImmediate(resolve));
  await expect(readAll(body, 100)).rejects.toThrow();
});
