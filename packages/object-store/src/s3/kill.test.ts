/** `kill -9` of the server while it writes: an object is the old one or the new one, with all that belongs to it. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ServerProcess } from "../testing/server-process.ts";

const MIB = 1024 * 1024;
let root = "";
let started: ServerProcess[] = [];

async function start(): Promise<ServerProcess> {
  const server = await ServerProcess.start(root);
  started.push(server);
  return server;
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "s3-kill-"));
});
afterEach(async () => {
  for (const server of started) await server.kill();
  started = [];
  await rm(root, { recursive: true, force: true });
});

/** A body that tells its version, of a size that takes a moment to write. */
const bodyOf = (version: number): Buffer => Buffer.alloc(2 * MIB + version, `version ${version};`);
const md5 = (body: Buffer): string => createHash("md5").update(body).digest("hex");

async function staged(): Promise<string[]> {
  const path = join(root, "objects/.homeplane/staging");
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

test("a PUT that was answered is there, one that was not is there whole or not at all", async () => {
  let answered = 0;
  let version = 0;
  for (let round = 0; round < 5; round++) {
    const server = await start();
    expect(await staged()).toEqual([]);
    const { status, headers } = await server.call("HEAD", "/data/k");
    const found = status === 404 ? 0 : Number(headers["x-amz-meta-version"]);
    expect([answered, version]).toContain(found);
    if (found > 0) {
      const expected = { "content-type": `text/${found}`, "cache-control": `max-age=${found}` };
      expect(headers).toMatchObject({ etag: `"${md5(bodyOf(found))}"`, ...expected });
      expect((await server.call("GET", "/data/k")).text).toBe(bodyOf(found).toString());
    }
    answered = found;
    // Some rounds end while the first PUT is under way, some after several.
    const killed = new Promise((resolve) => setTimeout(resolve, 3 + 40 * round)).then(() => server.kill());
    for (let alive = true; alive; ) {
      version += 1;
      alive = await put(server, version);
      if (alive) answered = version;
    }
    await killed;
  }
  expect(answered).toBeGreaterThan(0);
});

async function put(server: ServerProcess, version: number): Promise<boolean> {
  const headers = {
    "content-type": `text/${version}`,
    "cache-control": `max-age=${version}`,
    "x-amz-meta-version": String(version),
  };
  try {
    return (await server.call("PUT", "/data/k", bodyOf(version), headers)).status === 200;
  } catch {
    return false;
  }
}

test("an upload whose completion was cut off can be completed, and is whole or not there before", async () => {
  const parts = [Buffer.alloc(12 * MIB, "first"), Buffer.alloc(12 * MIB, "second")];
  const whole = Buffer.concat(parts);
  let seenAbsent = 0;
  for (const delay of [5, 20, 60]) {
    let server = await start();
    await server.call("DELETE", "/data/joined");
    const begun = await server.call("POST", "/data/joined?uploads", "", { "x-amz-meta-round": String(delay) });
    const id = /<UploadId>(.*?)</.exec(begun.text)?.[1] ?? "";
    const etags: string[] = [];
    for (const [i, body] of parts.entries()) {
      const { headers } = await server.call("PUT", `/data/joined?partNumber=${i + 1}&uploadId=${id}`, body);
      etags.push(String(headers.etag));
    }
    const list = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`).join("");
    const complete = () =>
      server.call("POST", `/data/joined?uploadId=${id}`, `<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`);
    const answer = complete().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, delay));
    await server.kill();
    const before = await answer;

    server = await start();
    expect(await staged()).toEqual([]);
    const head = await server.call("HEAD", "/data/joined");
    if (before?.status === 200) expect(head.status).toBe(200);
    if (head.status === 404) seenAbsent += 1;
    else expect(head.headers).toMatchObject({ etag: `"${md5(whole)}"`, "x-amz-meta-round": String(delay) });
    expect((await complete()).status).toBe(200);
    expect((await server.call("HEAD", "/data/joined")).headers.etag).toBe(`"${md5(whole)}"`);
    await server.kill();
  }
  expect(seenAbsent).toBeGreaterThan(0);
});
