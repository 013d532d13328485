import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { takeLock } from "./lock.mjs";

let folder = "";
let lock = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "homeplane-lock-"));
  lock = join(folder, "bootstrap.lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const never = new AbortController().signal;
const nobodyWaits = (): never => {
  throw new Error("waited");
};
const holder = (pid: number, started: string, host = hostname()): string => JSON.stringify({ host, pid, started });

test("a free lock is taken at once, and is gone when given back", async () => {
  const release = await takeLock(lock, never, nobodyWaits);
  expect(JSON.parse(readFileSync(lock, "utf8"))).toMatchObject({ pid: process.pid });
  release();
  expect(existsSync(lock)).toBe(false);
});

test("giving back twice does not take the next holder's lock away", async () => {
  const first = await takeLock(lock, never, nobodyWaits);
  first();
  const second = await takeLock(lock, never, nobodyWaits);
  first();
  expect(existsSync(lock)).toBe(true);
  second();
});

test("who comes second is told who holds it, and gets it when that one is done", async () => {
  const first = await takeLock(lock, never, nobodyWaits);
  const second = await takeLock(lock, never, ({ pid }) => {
    expect(pid).toBe(process.pid);
    first();
  });
  second();
});

test("who waits too long is told what to remove", async () => {
  const release = await takeLock(lock, never, nobodyWaits);
  await expect(takeLock(lock, never, () => undefined, 0)).rejects.toMatchObject({ code: "Locked" });
  release();
});

test("a lock whose process has ended is taken over", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  writeFileSync(lock, holder(pid, "1"));
  (await takeLock(lock, never, nobodyWaits))();
});

test("a lock whose process number went to another process is taken over", async () => {
  writeFileSync(lock, holder(process.pid, "1"));
  (await takeLock(lock, never, nobodyWaits))();
});

test("a lock cut short by a power failure is taken over", async () => {
  writeFileSync(lock, "");
  (await takeLock(lock, never, nobodyWaits))();
});

test("a lock of another machine is never taken over", async () => {
  writeFileSync(lock, holder(1, "1", "elsewhere.invalid"));
  await expect(takeLock(lock, never, () => undefined, 0)).rejects.toMatchObject({ code: "Locked" });
});

test("of many processes that find a stale lock, one at a time holds it", async () => {
  writeFileSync(lock, holder(process.pid, "1"));
  // O_EXCL on a second file: fails in the process that enters while another is inside.
  const program = `
    import { closeSync, openSync, rmSync } from "node:fs";
    import { takeLock } from ${JSON.stringify(join(import.meta.dirname, "lock.mjs"))};
    const [lock, inside] = process.argv.slice(1);
    for (let round = 0; round < 3; round++) {
      const release = await takeLock(lock, new AbortController().signal, () => undefined, 20_000);
      closeSync(openSync(inside, "wx"));
      rmSync(inside);
      release();
    }`;
  const args = ["--input-type=module", "-e", program, lock, join(folder, "inside")];
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] }),
  );
  const codes = await Promise.all(children.map(async (child) => (await once(child, "close"))[0] as unknown));
  expect(codes).toEqual([0, 0, 0, 0, 0, 0]);
});
