/** The clients that people have, unmodified: boto3 and the AWS CLI, against the embedded S3 server. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { credentials } from "../credentials.ts";
import { type Harness, startHarness } from "../harness.ts";

const bin = join(import.meta.dirname, "../../../../../.tools/s3-clients/bin");
const script = join(import.meta.dirname, "boto3_promises.py");
const MIB = 1024 * 1024;

interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

async function run(program: string, args: readonly string[], input: Uint8Array = Buffer.alloc(0)): Promise<Ended> {
  const child = spawn(join(bin, program), args, { env: environment });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

/** Nothing of the user's own: no profile, no proxy. */
const environment = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  LC_ALL: "C.UTF-8",
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_DEFAULT_REGION: "us-east-1",
};

describe.skipIf(!existsSync(join(bin, "python")))("boto3", { timeout: 180_000 }, () => {
  const promises = [...readFileSync(script, "utf8").matchAll(/^def (\w+)\(\):$/gm)].map(([, name]) => name ?? "");
  const outcomes = new Map<string, string | null>();
  let s3: Harness;
  beforeAll(async () => {
    s3 = await startHarness();
    const args = [script, s3.url, credentials.accessKeyId, credentials.secretAccessKey];
    const { code, stdout, stderr } = await run("python", args);
    expect(code, stderr).toBe(0);
    for (const line of stdout.toString().trim().split("\n")) {
      const { promise, error } = JSON.parse(line) as { promise: string; error: string | null };
      outcomes.set(promise, error);
    }
  }, 180_000);
  afterAll(() => s3[Symbol.asyncDispose]());

  test.each(promises)("%s", (name) => {
    expect(outcomes.get(name)).toBeNull();
  });

  test("has left no upload and nothing staged", async () => {
    const staging = join(s3.root, "objects/.homeplane/staging");
    expect(await filesBelow(staging)).toEqual([]);
  });
});

describe.skipIf(!existsSync(join(bin, "aws")))("aws s3", { timeout: 180_000 }, () => {
  let s3: Harness;
  let folder = "";
  const big = randomBytes(70 * MIB);
  const aws = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run("aws", ["--endpoint-url", s3.url, ...args]);
    expect(code, stderr).toBe(0);
    return stdout.toString();
  };
  const keys = async (bucket: string): Promise<string[]> => (await s3.store.list(bucket)).objects.map(({ key }) => key);

  beforeAll(async () => {
    s3 = await startHarness();
    folder = await mkdtemp(join(tmpdir(), "aws-s3-"));
    await mkdir(join(folder, "up/sub folder"), { recursive: true });
    await writeFile(join(folder, "up/big"), big);
    await writeFile(join(folder, "up/sub folder/ü + x%20"), "small");
  });
  afterAll(async () => {
    await s3[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("cp carries 70 MiB there in parts and back in ranges, and streams", async () => {
    await aws("s3", "cp", join(folder, "up/big"), "s3://data/big", "--no-progress");
    await aws("s3", "cp", "s3://data/big", join(folder, "back"), "--no-progress");
    expect((await readFile(join(folder, "back"))).equals(big)).toBe(true);
    const args = ["--endpoint-url", s3.url, "s3", "cp", "-", "s3://data/piped"];
    expect((await run("aws", args, Buffer.from("from stdin"))).code).toBe(0);
    expect(await aws("s3", "cp", "s3://data/piped", "-")).toBe("from stdin");
    await aws("s3api", "get-object", "--bucket", "data", "--key", "big", "--range", "bytes=5-9", join(folder, "part"));
    expect((await readFile(join(folder, "part"))).equals(big.subarray(5, 10))).toBe(true);
  });

  test("sync carries a folder both ways, only what is new, and --delete takes away", async () => {
    const target = "s3://data/synced";
    expect((await aws("s3", "sync", join(folder, "up"), target, "--no-progress")).match(/^upload:/gm)).toHaveLength(2);
    expect(await aws("s3", "sync", join(folder, "up"), target, "--no-progress")).toBe("");
    await aws("s3", "sync", target, join(folder, "down"), "--no-progress");
    expect(await readFile(join(folder, "down/sub folder/ü + x%20"), "utf8")).toBe("small");
    expect((await readFile(join(folder, "down/big"))).equals(big)).toBe(true);
    await rm(join(folder, "down/big"));
    await aws("s3", "sync", join(folder, "down"), target, "--delete", "--no-progress");
    expect(await keys("data")).not.toContain("synced/big");
  });

  test("ls, mv, rm and presign do what they say", async () => {
    await s3.store.put("other", "a/1", Buffer.from("one"));
    await s3.store.put("other", "a/ü 2", Buffer.from("two"));
    await s3.store.put("other", "top", Buffer.from("three"));
    expect((await aws("s3", "ls", "s3://other")).trim().split("\n")).toEqual([
      expect.stringMatching(/^PRE a\/$/),
      expect.stringMatching(/ 5 top$/),
    ]);
    expect(await aws("s3", "ls", "s3://other", "--recursive", "--summarize")).toContain("Total Objects: 3");
    await aws("s3", "mv", "s3://other/top", "s3://other/b/moved", "--no-progress");
    expect(await keys("other")).toEqual(["a/1", "a/ü 2", "b/moved"]);
    const link = (await aws("s3", "presign", "s3://other/a/ü 2", "--expires-in", "60")).trim();
    expect(await (await fetch(link)).text()).toBe("two");
    await aws("s3", "rm", "s3://other/a", "--recursive");
    expect(await keys("other")).toEqual(["b/moved"]);
    expect(await aws("s3", "ls")).toMatch(/ data\n.* other\n$/);
  });

  test("a large object is copied and moved from bucket to bucket in parts", async () => {
    await s3.store.put("data", "large", big);
    await aws("s3", "mv", "s3://data/large", "s3://other/large", "--no-progress");
    expect(await keys("data")).not.toContain("large");
    expect((await s3.store.head("other", "large")).size).toBe(big.byteLength);
  });

  test("what is not there is told in one line", async () => {
    const { code, stderr } = await run("aws", ["--endpoint-url", s3.url, "s3", "ls", "s3://none"]);
    expect([code, stderr.trim()]).toEqual([
      255,
      'An error occurred (NoSuchBucket) when calling the ListObjectsV2 operation: there is no bucket "none"',
    ]);
  });
});

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}
