import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockHolder, takeLock } from "./lock.ts";

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "homeplane-lock-"));
  path = join(dir, "pid");
});
afterEach(() => rm(dir, { recursive: true }));

test("a lock that is held is refused, and the refusal names the holder and the way out", async () => {
  const release = await takeLock(path, dir);
  await expect(takeLock(path, dir)).rejects.toMatchObject({
    code: "AlreadyRunning",
    message: expect.stringContaining(`process ${process.pid}`) as string,
    nextStep: expect.stringContaining("homeplane down") as string,
  });
  await release();
  await (await takeLock(path, dir))();
});

test("the lock of a process that was killed is taken over", async () => {
  const child = spawn("sleep", ["60"]);
  await writeFile(path, await lineOf(child.pid ?? 0));
  expect((await lockHolder(path))?.pid).toBe(child.pid);
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
  expect(await lockHolder(path)).toBeUndefined();
  await (await takeLock(path, dir))();
});

test("a killed process that nobody has waited for yet holds no lock", async () => {
  // The shell becomes `sleep`, which never waits for the child that it inherits.
  const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
  const [output] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(output.toString());
  const line = await lineOf(pid);
  process.kill(pid, "SIGKILL");
  while (!/\) Z /.test(await readFile(`/proc/${pid}/stat`, "utf8")))
    await new Promise((resolve) => setTimeout(resolve, 5));
  await writeFile(path, line);
  expect(await lockHolder(path)).toBeUndefined();
  parent.kill("SIGKILL");
});

test("a process that merely has the same pid is not taken for the holder", async () => {
  await writeFile(path, `${process.pid} 1\n`);
  expect(await lockHolder(path)).toBeUndefined();
  await (await takeLock(path, dir))();
});

test("of several that find a stale lock at once, exactly one gets it", async () => {
  const program = `
    import { takeLock } from ${JSON.stringify(join(import.meta.dirname, "lock.ts"))};
    process.stdin.once("data", async () => {
      const got = await takeLock(${JSON.stringify(path)}, "d").then(() => true, () => false);
      process.stdout.write(got ? "got" : "no");
      setTimeout(() => process.exit(), 1000);
    });
    process.stdout.write("ready");`;
  await writeFile(path, "99999999 1\n");
  const starters = Array.from({ length: 4 }, () => spawn(process.execPath, ["--input-type=module", "-e", program]));
  await Promise.all(starters.map((child) => once(child.stdout, "data")));
  const answers = starters.map((child) => once(child.stdout, "data") as Promise<[Buffer]>);
  for (const child of starters) child.stdin.write("go\n");
  const texts = (await Promise.all(answers)).map(([text]) => text.toString());
  for (const child of starters) child.kill();
  expect(texts.filter((text) => text === "got")).toHaveLength(1);
});

test.each(["", "nonsense", "12"])("a lock file that holds %j is no lock", async (content) => {
  await writeFile(path, content);
  await (await takeLock(path, dir))();
});

/** What takeLock writes for a process: its pid and its start time, field 22 of /proc/pid/stat. */
async function lineOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}\n`;
}
