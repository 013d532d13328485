import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeOf, type Harness, startHarness } from "../testing/harness.ts";
import { MultipartArea } from "./multipart-area.ts";

let s3: Harness;
beforeAll(async () => {
  s3 = await startHarness();
});
afterAll(() => s3[Symbol.asyncDispose]());

const MIB = 1024 * 1024;

async function begin(key: string): Promise<(query: string) => string> {
  const { text } = await s3.call("POST", `/data/${key}?uploads`, { headers: { "content-type": "text/x" } });
  const id = /<UploadId>(.*?)</.exec(text)?.[1] ?? "";
  return (query) => `/data/${key}?${query}uploadId=${id}`;
}

async function upload(target: (query: string) => string, number: number, body: string | Uint8Array): Promise<string> {
  const answer = await s3.call("PUT", target(`partNumber=${number}&`), { body });
  expect(answer.status).toBe(200);
  return String(answer.headers.etag);
}

const named = (parts: [number, string][]): string =>
  `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts
    .map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`)
    .join("")}</CompleteMultipartUpload>`;

test("parts become one object, whatever order they came in, and completing twice has one answer", async () => {
  const target = await begin("joined");
  const last = await upload(target, 2, "end");
  await upload(target, 1, "replaced");
  const first = await upload(target, 1, Buffer.alloc(5 * MIB, "a"));
  const listed = await s3.call("GET", target(""));
  expect([...listed.text.matchAll(/<Size>(\d+)</g)].map(([, size]) => size)).toEqual([String(5 * MIB), "3"]);
  expect((await s3.call("HEAD", "/data/joined")).status).toBe(404);

  const body = named([
    [1, first],
    [2, last],
  ]);
  const [one, two] = await Promise.all([s3.call("POST", target(""), { body }), s3.call("POST", target(""), { body })]);
  const again = await s3.call("POST", target(""), { body });
  expect([one.status, two.text, again.text]).toEqual([200, one.text, one.text]);
  const head = await s3.call("HEAD", "/data/joined");
  expect(head.headers).toMatchObject({ "content-length": String(5 * MIB + 3), "content-type": "text/x" });
  expect(one.text).toContain(String(head.headers.etag).replaceAll('"', "&quot;"));
  expect(codeOf(await s3.call("PUT", target("partNumber=3&"), { body: "late" }))).toBe("NoSuchUpload");
});

test("a completion that does not fit the parts is refused, and the upload lives on", async () => {
  const target = await begin("refused");
  const small = await upload(target, 1, "small");
  const other = await upload(target, 2, "other");
  const complete = async (parts: [number, string][]) =>
    codeOf(await s3.call("POST", target(""), { body: named(parts) }));
  expect(await complete([])).toBe("MalformedXML");
  expect(await complete([[1, "0".repeat(32)]])).toBe("InvalidPart");
  expect(await complete([[3, small]])).toBe("InvalidPart");
  expect(
    await complete([
      [2, other],
      [1, small],
    ]),
  ).toBe("InvalidPartOrder");
  expect(
    await complete([
      [1, small],
      [2, other],
    ]),
  ).toBe("EntityTooSmall");
  expect(await complete([[1, small]])).toBeUndefined();
  expect(await s3.call("GET", "/data/refused")).toMatchObject({ text: "small" });
});

test("an upload belongs to its key, and is gone once aborted", async () => {
  const target = await begin("aborted");
  await upload(target, 1, "x");
  expect(codeOf(await s3.call("PUT", target("partNumber=1&").replace("aborted", "another"), { body: "x" }))).toBe(
    "NoSuchUpload",
  );
  expect((await s3.call("DELETE", target(""))).status).toBe(204);
  expect(codeOf(await s3.call("PUT", target("partNumber=1&"), { body: "x" }))).toBe("NoSuchUpload");
});

test("a part with a number that S3 does not have, or a body that is not its own, is refused", async () => {
  const target = await begin("parts");
  expect(codeOf(await s3.call("PUT", target("partNumber=0&"), { body: "x" }))).toBe("InvalidArgument");
  expect(codeOf(await s3.call("PUT", target("partNumber=10001&"), { body: "x" }))).toBe("InvalidArgument");
  const headers = { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" };
  expect(codeOf(await s3.call("PUT", target("partNumber=1&"), { body: "x", headers }))).toBe("BadDigest");
  expect((await s3.call("GET", target(""))).text).not.toContain("<Part>");
});

test("opening removes uploads of more than a day ago and half-written parts, and keeps the others", async () => {
  const root = join(s3.root, "area");
  const clock = { now: () => now };
  let now = 0;
  const area = await MultipartArea.open(root, clock);
  await area.create({ bucket: "data", key: "old", described: {} });
  now = 25 * 60 * 60 * 1000;
  const kept = await area.create({ bucket: "data", key: "new", described: {} });
  await writeFile(join(root, kept, "1.1.writing"), "half");
  await mkdir(join(root, "never-begun"));
  await MultipartArea.open(root, clock);
  expect(await readdir(root)).toEqual([kept]);
  expect(await readdir(join(root, kept))).toEqual(["upload.json"]);
});
