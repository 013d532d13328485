import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Daemon, ensure, stop } from "./daemon.ts";
import { identityOf, isAlive, read, readAll, remove, type Started, write } from "./started.ts";

let folder: string;
let port: number;
let bystander: ChildProcess;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "homeplane-daemon-"));
  port = await freePort();
  bystander = spawn("sleep", ["600"]);
  await once(bystander, "spawn");
  // Start times are counted in hundredths of a second: what is started next gets another one.
  await new Promise((resolve) => setTimeout(resolve, 30));
});

afterEach(async () => {
  for (const { name } of readAll(folder)) await stop(folder, name);
  bystander.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** Answers on the port; `version` is only there to be changed. */
const server = (version = "1"): Daemon => ({
  name: "server",
  program: process.execPath,
  args: ["-e", `require("http").createServer((_, answer) => answer.end()).listen(${port}, "127.0.0.1")`, version],
  check: `http://127.0.0.1:${port}/`,
  readyMs: 20_000,
});

const started = (): Started => {
  const known = read(folder, "server");
  if (known === undefined) throw new Error("it has no file");
  return known;
};

test("what runs as it should is left alone", async () => {
  expect(await ensure(server(), folder)).toBe(true);
  const first = started();
  expect(await ensure(server(), folder)).toBe(false);
  expect(started()).toEqual(first);
});

test("what is configured otherwise is started anew, and the old process is gone", async () => {
  await ensure(server("1"), folder);
  const old = started();
  expect(await ensure(server("2"), folder)).toBe(true);
  expect(isAlive(old)).toBe(false);
  expect(isAlive(started())).toBe(true);
});

test("what was killed is started again", async () => {
  await ensure(server(), folder);
  process.kill(started().pid, "SIGKILL");
  await expect.poll(() => isAlive(started())).toBe(false);
  expect(await ensure(server(), folder)).toBe(true);
  expect(isAlive(started())).toBe(true);
});

test("a program whose starter was killed before it could write the file does not keep the port", async () => {
  await ensure(server(), folder);
  const lost = started();
  remove(folder, "server");
  expect(await ensure(server(), folder)).toBe(true);
  expect(isAlive(lost)).toBe(false);
});

test("stop waits for the end, and never ends another process that got the pid", async () => {
  await ensure(server(), folder);
  const known = started();
  await stop(folder, "server");
  expect(isAlive(known)).toBe(false);
  const reused = bystander.pid ?? 0;
  write(folder, { ...known, pid: reused });
  await stop(folder, "server");
  expect(isAlive(identityOf(reused))).toBe(true);
  expect(readAll(folder)).toEqual([]);
});

test("a program that ends instead of answering says why, in the words of its log", async () => {
  const broken = { ...server(), args: ["-e", "console.error('the disk is on fire'); process.exit(3)"] };
  await expect(ensure(broken, folder)).rejects.toThrow(/server ended; .*the disk is on fire/s);
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no free port");
  return address.port;
}
