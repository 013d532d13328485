import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLogFile } from "./log-file.ts";

test("lines come to the file in order, which its owner alone can read", async () => {
  const dir = await mkdtemp(join(tmpdir(), "homeplane-log-"));
  const path = join(dir, "log", "homeplane.log");
  const sink = openLogFile(path, (text) => expect.fail(text));
  const lines = Array.from({ length: 500 }, (_, n) => `line ${n}\n`);
  for (const line of lines) sink.write(line);
  await expect.poll(() => readFile(path, "utf8")).toBe(lines.join(""));
  expect((await stat(path)).mode & 0o077).toBe(0);
  await rm(dir, { recursive: true });
});

// Every write to /dev/full fails with ENOSPC, as on a full disk; full(4).
test.skipIf(!existsSync("/dev/full"))("a full disk costs lines, not the program, and is said once", async () => {
  const complaints: string[] = [];
  const sink = openLogFile("/dev/full", (text) => complaints.push(text));
  for (let n = 0; n < 50; n++) {
    sink.write(`line ${n}\n`);
    await new Promise(setImmediate);
  }
  await expect.poll(() => complaints.length).toBe(1);
  expect(complaints[0]).toContain("/dev/full");
  sink.write("last\n");
  sink.flushSync();
  expect(complaints).toHaveLength(1);
});
