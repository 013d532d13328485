import { appendFile, mkdir, mkdtemp, open, readFile, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ContainerLog } from "./container-log.ts";
import { criTime, frame } from "./cri-format.ts";
import { criFile, rawFile } from "./log-files.ts";
import { readLog, sinceOf } from "./log-reader.ts";
import { terminationMessage } from "./log-tail.ts";

let root: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "homeplane-log-"));
});
afterAll(() => rm(root, { recursive: true }));

async function newFolder(): Promise<string> {
  const folder = join(root, `${count++}`);
  await mkdir(folder);
  return folder;
}

function openLog(folder: string, maxBytes = 2 ** 28): Promise<ContainerLog> {
  return ContainerLog.open({ folder, maxBytes, clock: systemClock, log: silentLogger });
}

async function read(
  folder: string,
  selection: Partial<Parameters<typeof readLog>[2]> = {},
  live?: ContainerLog,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const all = { follow: false, timestamps: false, signal: AbortSignal.timeout(10_000), ...selection };
  for await (const chunk of readLog(criFile(folder), live, all)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Bytes with many newlines, and now and then a line that is longer than a record. */
const output = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(fc.constantFrom(10, 13, 0, 0x41, 0xc3, 0xff), { maxLength: 60 })
      .map((bytes) => Buffer.from(bytes)),
  },
  { weight: 1, arbitrary: fc.integer({ min: 16_000, max: 50_000 }).map((length) => Buffer.alloc(length, 0x62)) },
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("print" as const), bytes: output }) },
  { weight: 3, arbitrary: fc.constant({ kind: "pump" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "crash" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("torn" as const), cut: fc.nat({ max: 40 }) }) },
);

test("whatever is printed, and wherever homeplane is killed, the log holds each byte once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const folder = await newFolder();
      const printed: Buffer[] = [];
      let log = await openLog(folder);
      const abandoned: ContainerLog[] = [];
      for (const one of steps) {
        if (one.kind === "print") {
          printed.push(one.bytes);
          await appendFile(rawFile(folder, "stdout"), one.bytes);
        } else if (one.kind === "pump") {
          await log.pump();
        } else {
          abandoned.push(log);
          if (one.kind === "torn") {
            // The last record was being written.
            const file = await open(criFile(folder), "r+");
            await file.truncate(Math.max(0, (await file.stat()).size - one.cut));
            await file.close();
          }
          log = await openLog(folder);
        }
      }
      await log.finish();
      const content = await read(folder);
      expect(content.equals(Buffer.concat(printed))).toBe(true);
      expect(await readdir(folder)).toEqual(["0.log"]);
      for (const one of abandoned) await one.finish();
    }),
    { numRuns: 60 },
  );
});

test("tailLines gives the last lines, whatever their length and the size of the log", async () => {
  const line = fc.oneof(
    { weight: 9, arbitrary: fc.nat({ max: 200 }) },
    { weight: 1, arbitrary: fc.integer({ min: 16_000, max: 90_000 }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 40 }),
      fc.boolean(),
      fc.nat({ max: 45 }),
      async (lengths, ended, tailLines) => {
        const folder = await newFolder();
        const lines = lengths.map((length, n) => `${n}:`.padEnd(length, "x"));
        const text = lines.map((one, n) => (n === lines.length - 1 && !ended ? one : `${one}\n`));
        await appendFile(rawFile(folder, "stderr"), text.join(""));
        await (await openLog(folder)).finish();
        const expected = tailLines === 0 ? "" : text.slice(-tailLines).join("");
        expect((await read(folder, { tailLines })).toString() === expected).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test("a line is one record with its time, its stream and F; more than 16 KiB of it become P", () => {
  const time = criTime(Date.UTC(2026, 0, 1, 0, 0, 0, 123));
  expect(time).toBe("2026-01-01T00:00:00.123000000Z");
  expect(frame(Buffer.from("a\n\nb"), "stdout", time, false, 1e9).records.toString()).toBe(
    `${time} stdout F a\n${time} stdout F \n`,
  );
  const long = frame(Buffer.from(`${"x".repeat(16_385)}\n`), "stderr", time, false, 1e9)
    .records.toString()
    .split("\n");
  expect(long.map((record) => record.slice(31, 39))).toEqual(["stderr P", "stderr F", ""]);
});

test("timestamps stand once before each line, also before a long one that is kept in parts", async () => {
  const folder = await newFolder();
  await appendFile(rawFile(folder, "stdout"), `one\n${"y".repeat(40_000)}\nthree\n`);
  await (await openLog(folder)).finish();
  const lines = (await read(folder, { timestamps: true })).toString().trimEnd().split("\n");
  expect(lines.map((line) => line.length)).toEqual([34, 40_031, 36]);
  for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /);
});

test("limitBytes cuts at the byte, and since leaves out what is older", async () => {
  const folder = await newFolder();
  await appendFile(rawFile(folder, "stdout"), "first\nsecond\n");
  await (await openLog(folder)).finish();
  expect((await read(folder, { limitBytes: 8 })).toString()).toBe("first\nse");
  expect((await read(folder, { limitBytes: 0 })).length).toBe(0);
  expect((await read(folder, { since: criTime(Date.now() + 60_000) })).length).toBe(0);
  expect((await read(folder, { since: criTime(Date.now() - 60_000) })).toString()).toBe("first\nsecond\n");
  expect(sinceOf({ sinceTime: "2026-01-01T01:00:00.5+01:00" }, 0)).toBe("2026-01-01T00:00:00.500000000Z");
  expect(sinceOf({ sinceSeconds: 1 }, 2000)).toBe(criTime(1000));
});

test("a follower gets each line while the container runs, and ends with it", async () => {
  const folder = await newFolder();
  const log = await openLog(folder);
  log.follow();
  const selection = { follow: true, timestamps: false, signal: AbortSignal.timeout(10_000) };
  const reader = readLog(criFile(folder), log, selection);
  for (const line of ["one\n", "two\n"]) {
    await appendFile(rawFile(folder, "stdout"), line);
    const next = await reader.next();
    expect(Buffer.from(next.value ?? []).toString()).toBe(line);
  }
  await appendFile(rawFile(folder, "stderr"), "rest");
  await log.finish();
  const rest: string[] = [];
  for await (const chunk of reader) rest.push(Buffer.from(chunk).toString());
  expect(rest.join("")).toBe("rest");
});

test("a log over its limit says so once, drops the rest, and holds back the raw file too", async () => {
  const folder = await newFolder();
  let log = await openLog(folder, 10_000);
  for (let n = 0; n < 30; n++) {
    await appendFile(rawFile(folder, "stdout"), `${"z".repeat(999)}\n`);
    await log.pump();
    if (n === 20) log = await openLog(folder, 10_000);
  }
  expect((await stat(rawFile(folder, "stdout"))).size).toBe(0);
  await log.finish();
  const lines = (await read(folder)).toString().trimEnd().split("\n");
  expect(lines.at(-1)).toBe("log truncated: the container printed more than 10000 bytes; the rest is dropped");
  expect(lines.filter((line) => line.startsWith("log truncated"))).toHaveLength(1);
  expect((await readFile(criFile(folder))).length).toBeLessThan(12_000);
});

test("the termination message is the end of the log: 80 lines and 2 KiB at most, whole characters", async () => {
  const folder = await newFolder();
  await appendFile(rawFile(folder, "stderr"), `${"é\n".repeat(100)}last ${"ü".repeat(1000)}x\n`);
  await (await openLog(folder)).finish();
  const message = await terminationMessage(criFile(folder));
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(2048);
  expect(message).not.toContain("\ufffd");
  expect(message.endsWith("üx\n")).toBe(true);
});
