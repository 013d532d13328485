import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Cache, cached, prune } from "./cache.ts";

let cache: Cache;
beforeEach(async () => {
  cache = { folder: await mkdtemp(join(tmpdir(), "homeplane-cache-")), say: () => undefined };
});
afterEach(() => rm(cache.folder, { recursive: true }));

const write = (text: string) => (folder: string) => writeFile(join(folder, "it"), text);

test("what was made is made once for the same inputs, and again for others", async () => {
  const first = await cached(cache, "thing", ["a"], write("first"));
  expect(await cached(cache, "thing", ["a"], write("never"))).toBe(first);
  const other = await cached(cache, "thing", ["b"], write("second"));
  expect([await readFile(join(first, "it"), "utf8"), await readFile(join(other, "it"), "utf8")]).toEqual([
    "first",
    "second",
  ]);
});

test("a failure leaves nothing behind, and the next build makes it", async () => {
  const fails = async (folder: string): Promise<void> => {
    await write("half")(folder);
    throw new Error("no network");
  };
  await expect(cached(cache, "thing", ["a"], fails)).rejects.toThrow("no network");
  expect(await readdir(cache.folder)).toEqual([]);
  const whole = await cached(cache, "thing", ["a"], write("whole"));
  expect(await readFile(join(whole, "it"), "utf8")).toBe("whole");
});

test("two builds at once both end with the same whole thing", async () => {
  const both = await Promise.all([cached(cache, "thing", 1, write("x")), cached(cache, "thing", 1, write("x"))]);
  expect(both[0]).toBe(both[1]);
  expect(await readdir(cache.folder)).toHaveLength(1);
});

test("what nobody has used for a month goes, and what a killed build left after a day", async () => {
  const day = 24 * 3600_000;
  const kept = await cached(cache, "thing", 1, write("x"));
  const unused = await cached(cache, "thing", 2, write("x"));
  await utimes(unused, new Date(), new Date(Date.now() - 31 * day));
  const old = join(cache.folder, "partial-old");
  await mkdir(old);
  await utimes(old, new Date(), new Date(Date.now() - 2 * day));
  await mkdir(join(cache.folder, "partial-new"));
  await prune(cache, Date.now());
  expect((await readdir(cache.folder)).sort()).toEqual(["partial-new", kept.slice(cache.folder.length + 1)]);
});
