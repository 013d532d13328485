import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readAll } from "../body.ts";
import { codeOf, type Harness, send, startHarness } from "../testing/harness.ts";

let s3: Harness;
beforeAll(async () => {
  s3 = await startHarness();
  await s3.store.put("data", "mine", Buffer.from("mine"));
  await s3.store.put("data", "secret", Buffer.from("secret"));
});
afterAll(() => s3[Symbol.asyncDispose]());

const md5 = (text: string): string => createHash("md5").update(text).digest("base64");
const signPut = (key: string, text: string) =>
  s3.presigner.presign({
    method: "PUT",
    bucket: "data",
    key,
    expiresSeconds: 900,
    headers: { "content-md5": md5(text), "content-length": String(text.length) },
  });
const signGet = (key: string) => s3.presigner.presign({ method: "GET", bucket: "data", key, expiresSeconds: 900 });

test.each(["plain/key.tgz", "a b+c&d=e?f#g%25/é😀/.././/(x)'*!"])(
  "what is put with a presigned URL is got with one: %s",
  async (key) => {
    const { url, headers } = await signPut(key, "hello");
    expect((await send("PUT", url, headers, "hello")).status).toBe(200);
    expect(Buffer.from(await readAll((await s3.store.get("data", key)).body, 10)).toString()).toBe("hello");
    expect(await send("GET", (await signGet(key)).url, {})).toMatchObject({ status: 200, text: "hello" });
  },
);

test("a presigned GET takes a range, which is not signed", async () => {
  expect(await send("GET", (await signGet("mine")).url, { range: "bytes=1-2" })).toMatchObject({
    status: 206,
    text: "in",
  });
});

test("the URL says when it dies, and dies then", async () => {
  const { url, expiresAt } = await signGet("mine");
  try {
    s3.skipMs = expiresAt.getTime() - Date.now() - 2000;
    expect((await send("GET", url, {})).status).toBe(200);
    s3.skipMs = expiresAt.getTime() - Date.now() + 1;
    const late = await send("GET", url, {});
    expect([late.status, codeOf(late)]).toEqual([403, "AccessDenied"]);
  } finally {
    s3.skipMs = 0;
  }
});

test.each<[string, (url: string) => string]>([
  ["another key", (url) => url.replace("/data/mine", "/data/secret")],
  ["another bucket", (url) => url.replace("/data/mine", "/other/mine")],
  ["a path that leads to another key", (url) => url.replace("/data/mine", "/data/mine/../secret")],
  ["the same, encoded", (url) => url.replace("/data/mine", "/data/mine%2F%2E%2E%2Fsecret")],
  ["a slash more", (url) => url.replace("/data/mine", "/data//mine")],
  ["a NUL behind the key", (url) => url.replace("/data/mine", "/data/mine%00")],
  ["the bucket itself", (url) => url.replace("/data/mine", "/data/")],
  ["a longer life", (url) => url.replace("X-Amz-Expires=900", "X-Amz-Expires=901")],
  ["a later date", (url) => url.replace(/X-Amz-Date=\d{4}/, "X-Amz-Date=2099")],
  ["fewer signed headers", (url) => url.replace("SignedHeaders=host", "SignedHeaders=")],
  ["another access key", (url) => url.replace("test-key", "best-key")],
  ["a sub-resource", (url) => `${url}&uploads=`],
  ["another answer's type", (url) => `${url}&response-content-type=text%2Fhtml`],
  ["a parameter twice", (url) => `${url}&X-Amz-Expires=604800`],
  ["no signature", (url) => url.replace(/&X-Amz-Signature=.*/, "")],
  ["a cut signature", (url) => url.slice(0, -1)],
])("a presigned GET is good for nothing else: %s", async (_, alter) => {
  const { url } = await signGet("mine");
  expect(alter(url)).not.toBe(url);
  const answer = await send("GET", alter(url), {});
  expect([400, 403]).toContain(answer.status);
  expect(answer.text).not.toBe("secret");
});

test.each(["PUT", "DELETE", "POST", "HEAD"])("a presigned GET does not let one %s", async (method) => {
  expect((await send(method, (await signGet("mine")).url, {}, method === "HEAD" ? undefined : "x")).status).toBe(403);
  expect((await s3.store.head("data", "mine")).size).toBe(4);
});

test.each<[string, (headers: Record<string, string>) => Record<string, string>, string, string]>([
  ["other content of the same length", (headers) => headers, "hellO", "BadDigest"],
  ["no MD5", ({ "content-length": length = "" }) => ({ "content-length": length }), "hello", "SignatureDoesNotMatch"],
  [
    "the other content's MD5",
    (headers) => ({ ...headers, "content-md5": md5("hellO") }),
    "hellO",
    "SignatureDoesNotMatch",
  ],
  ["another length", (headers) => ({ ...headers, "content-length": "6" }), "hello!", "SignatureDoesNotMatch"],
  ["metadata that was not signed", (headers) => ({ ...headers, "x-amz-meta-owner": "me" }), "hello", "AccessDenied"],
  [
    "a copy of another object",
    (headers) => ({ ...headers, "x-amz-copy-source": "/data/secret" }),
    "hello",
    "AccessDenied",
  ],
  ["another host", (headers) => ({ ...headers, host: "elsewhere" }), "hello", "SignatureDoesNotMatch"],
])("a presigned PUT takes what was signed and nothing else: %s", async (_, alter, body, code) => {
  const { url, headers } = await signPut("upload", "hello");
  const answer = await send("PUT", url, alter({ ...headers }), body);
  expect(codeOf(answer)).toBe(code);
  await expect(s3.store.head("data", "upload")).rejects.toMatchObject({ code: "NotFound" });
});

test.each([0, 604_801, 1.5, Number.NaN])("a life of %d seconds is not signed", async (expiresSeconds) => {
  await expect(s3.presigner.presign({ method: "GET", bucket: "data", key: "k", expiresSeconds })).rejects.toThrow(
    "expiresSeconds",
  );
});
