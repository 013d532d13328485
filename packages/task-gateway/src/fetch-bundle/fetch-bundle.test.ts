import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fetchBundle } from "./fetch-bundle.ts";
import { open, withRetries } from "./http.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fetch-bundle-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

type Answer = { status: number; body: string | Buffer };
const md5 = (content: Buffer): string => createHash("md5").update(content).digest("hex");

/** The gateway and the store in one: what each answers is decided by the test, request by request. */
async function world(answers: { gateway?: (asked: number) => Answer; store?: (got: number) => Answer }) {
  const seen = { gateway: [] as (string | undefined)[], store: 0 };
  const server = createServer((request, response) => {
    const isStore = request.url?.startsWith("/bucket/") ?? false;
    const { port } = server.address() as AddressInfo;
    if (isStore) seen.store++;
    else seen.gateway.push(request.headers.authorization);
    const nativeUrl = "s3://bucket/acme/demo/dev/x/fast1.tar.gz";
    const fine = { signedUrl: `http://127.0.0.1:${port}/bucket/x?X-Amz-Signature=secret`, nativeUrl, md5: "" };
    const answer = isStore
      ? (answers.store?.(seen.store) ?? { status: 404, body: "" })
      : (answers.gateway?.(seen.gateway.length) ?? { status: 200, body: "{}" });
    const extra = isStore || answer.status !== 200 ? {} : (JSON.parse(String(answer.body)) as object);
    response.statusCode = answer.status;
    response.end(isStore || answer.status !== 200 ? answer.body : JSON.stringify({ ...fine, ...extra }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const fetch = (kind: "tgz" | "pkl" = "tgz") =>
    fetchBundle({
      gateway: `http://127.0.0.1:${port}`,
      readToken: async () => `token-${seen.gateway.length}`,
      ca: undefined,
      kind,
      folder: join(root, "work"),
      signal: AbortSignal.timeout(20_000),
    });
  return {
    seen,
    fetch,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => server.closeAllConnections(),
  };
}

async function archive(format: string, more: string[] = []): Promise<Buffer> {
  const source = join(root, "source");
  await mkdir(join(source, "pkg/deep"), { recursive: true });
  await writeFile(join(source, "main.py"), "print('hello')\n", { mode: 0o755 });
  await writeFile(join(source, "pkg/deep/ünïcode.txt"), "x".repeat(100_000));
  await writeFile(join(source, "pkg/empty"), "");
  await writeFile(join(source, `pkg/${"long".repeat(40)}.txt`), "long");
  await symlink("main.py", join(source, "alias.py")).catch(() => undefined);
  return execFileSync("tar", ["-C", source, "-cz", `--format=${format}`, ...more, "."], { maxBuffer: 1 << 26 });
}

test.each(["gnu", "pax"])("a bundle in %s format lies where the SDK looks, unpacked and marked", async (format) => {
  const content = await archive(format);
  await using it = await world({
    gateway: () => ({ status: 200, body: JSON.stringify({ md5: md5(content) }) }),
    store: () => ({ status: 200, body: content }),
  });
  expect(await it.fetch()).toMatchObject({ name: "fast1.tar.gz", bytes: content.length });
  const work = join(root, "work");
  expect((await readdir(work)).toSorted()).toEqual([
    ".fast1.tar.gz.extracted",
    "alias.py",
    "fast1.tar.gz",
    "main.py",
    "pkg",
  ]);
  expect(await readFile(join(work, "fast1.tar.gz"))).toEqual(content);
  expect(await readFile(join(work, "alias.py"), "utf8")).toBe("print('hello')\n");
  expect(await readFile(join(work, "pkg/deep/ünïcode.txt"), "utf8")).toHaveLength(100_000);
  expect(await readFile(join(work, `pkg/${"long".repeat(40)}.txt`), "utf8")).toBe("long");
});

test("as a program it leaves what the pod's group may change, and ends with the reason on stderr when it can not", async () => {
  const content = await archive("gnu");
  await using it = await world({
    gateway: (asked) =>
      asked === 1 ? { status: 200, body: "{}" } : { status: 401, body: '{"code":"unauthenticated"}' },
    store: () => ({ status: 200, body: content }),
  });
  await writeFile(join(root, "token"), "t\n");
  const run = () =>
    promisify(execFile)(process.execPath, [
      ...[join(import.meta.dirname, "main.ts"), "--gateway", it.url],
      ...["--token", join(root, "token"), "--folder", join(root, "work")],
    ]);
  expect((await run()).stdout, "the task's log begins with the task").toBe("");
  const modes = ["main.py", "pkg", "pkg/deep", "pkg/empty"].map(
    async (name) => (await stat(join(root, "work", name))).mode,
  );
  expect((await Promise.all(modes)).map((mode) => mode & 0o770)).toEqual([0o770, 0o770, 0o770, 0o660]);
  expect(it.seen.gateway[0]).toBe("Bearer t");
  await expect(run()).rejects.toMatchObject({
    code: 1,
    stderr: "the task's code could not be placed: task-gateway refused: unauthenticated\n",
  });
});

test("a pickled task is placed as it is", async () => {
  await using it = await world({
    gateway: () => ({ status: 200, body: JSON.stringify({ nativeUrl: "s3://b/k/task.pkl.gz" }) }),
    store: () => ({ status: 200, body: "pickle" }),
  });
  await it.fetch("pkl");
  expect(await readdir(join(root, "work"))).toEqual(["task.pkl.gz"]);
});

test("what was changed on its way is refused, and leaves nothing that could be taken for the bundle", async () => {
  const content = await archive("gnu");
  await using it = await world({
    gateway: () => ({ status: 200, body: JSON.stringify({ md5: "0".repeat(32) }) }),
    store: () => ({ status: 200, body: content }),
  });
  await expect(it.fetch()).rejects.toThrow(/has the MD5 digest [0-9a-f]{32}, its address says 0{32}/);
  expect(it.seen.store).toBe(1);
  expect(await readdir(join(root, "work"))).not.toContain(".fast1.tar.gz.extracted");
  expect(await readdir(join(root, "work"))).not.toContain("fast1.tar.gz");
});

test("a refusal is told at once, in the gateway's words", async () => {
  const body = JSON.stringify({ code: "permission_denied", message: "pod x is no pod of an action" });
  await using it = await world({ gateway: () => ({ status: 403, body }) });
  await expect(it.fetch()).rejects.toThrow("task-gateway refused: permission_denied pod x is no pod of an action");
  expect(it.seen.gateway).toHaveLength(1);
});

test("trouble of the gateway and of the store passes: it asks again, with the token of then", async () => {
  const content = await archive("gnu");
  await using it = await world({
    gateway: (asked) =>
      asked === 1 ? { status: 503, body: JSON.stringify({ code: "unavailable" }) } : { status: 200, body: "{}" },
    store: (got) => (got === 1 ? { status: 403, body: "Request has expired" } : { status: 200, body: content }),
  });
  await it.fetch();
  expect(it.seen.gateway).toEqual(["Bearer token-0", "Bearer token-1", "Bearer token-2"]);
});

test("a bundle that is gone is told without the signature", async () => {
  await using it = await world({ gateway: () => ({ status: 200, body: "{}" }) });
  const failure = await it.fetch().catch((error: unknown) => String(error));
  expect(failure).toContain("/bucket/x: HTTP 404");
  expect(failure).not.toContain("secret");
});

const block = (name: string, type: string, link = ""): Buffer => {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write("00000000000\0", 124);
  header.write("        ", 148);
  header.write(type, 156);
  header.write(link, 157);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
};
test.each([
  ["a name that climbs", [block("../evil", "0")], "leads out of the folder"],
  ["an absolute name", [block("/etc/evil", "0")], "leads out of the folder"],
  ["a name that climbs from within", [block("a/../../evil", "0")], "leads out of the folder"],
  ["a way through a link", [block("out", "2", "/"), block("out/evil", "0")], "leads through a symbolic link"],
  ["a link to outside", [block("x", "1", "../../evil")], "leads out of the folder"],
  ["a device", [block("dev", "3")], "is neither file, folder nor link"],
  ["no archive", [Buffer.alloc(512, 7)], "is no tar archive"],
])("an archive with %s is refused", async (_, blocks, problem) => {
  const content = gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
  await using it = await world({
    gateway: () => ({ status: 200, body: "{}" }),
    store: () => ({ status: 200, body: content }),
  });
  await expect(it.fetch()).rejects.toThrow(problem);
});

test("an archive that was cut is no archive", async () => {
  const content = await archive("gnu");
  await using it = await world({
    gateway: () => ({ status: 200, body: "{}" }),
    store: () => ({ status: 200, body: content.subarray(0, content.length / 2) }),
  });
  await expect(it.fetch()).rejects.toThrow(/unexpected end of file|ends/);
});

test.each([
  ["an empty address", "", '--gateway: "" is no address such as https://task-gateway:8443'],
  ["an address without a scheme", "gateway:8443", '--gateway: "gateway:8443" is no address'],
  ["a token that is not there", "http://127.0.0.1:1", "ENOENT"],
])("%s is told at once: it would never come right", async (_, gateway, problem) => {
  const readToken = (): Promise<string> => readFile(join(root, "none"), "utf8");
  const signal = AbortSignal.timeout(20_000);
  const begun = performance.now();
  await expect(fetchBundle({ gateway, readToken, ca: undefined, kind: "tgz", folder: root, signal })).rejects.toThrow(
    problem,
  );
  expect(performance.now() - begun).toBeLessThan(2_000);
});

test("a gateway that nobody answers at is given up after 8 tries and at most 23 s of waiting, and it is said so", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const signal = AbortSignal.timeout(20_000);
  const pauses: number[] = [];
  const ask = () => open(`http://127.0.0.1:${port}/x`, { method: "GET", ca: undefined, signal });
  const failure = withRetries(
    ask,
    () => false,
    signal,
    async (ms) => pauses.push(ms),
  );
  await expect(failure).rejects.toThrow(/ECONNREFUSED.*\(given up after 8 tries\)$/);
  expect(pauses).toHaveLength(7);
  expect(pauses.reduce((sum, ms) => sum + ms)).toBeLessThan(23_000);
});
