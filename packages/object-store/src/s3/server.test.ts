import { createHash } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeOf, type Harness, send, startHarness } from "../testing/harness.ts";

let s3: Harness;
beforeAll(async () => {
  s3 = await startHarness();
});
afterAll(() => s3[Symbol.asyncDispose]());

const keysIn = ({ text }: { text: string }): string[] =>
  [...text.matchAll(/<Key>(.*?)<\/Key>/gs)].map(([, key = ""]) => key);

test("an object comes back with its type and metadata, whole and in ranges", async () => {
  const headers = { "content-type": "text/plain", "x-amz-meta-a": "b" };
  const put = await s3.call("PUT", "/data/obj", { body: "0123456789", headers });
  expect([put.status, put.headers.etag]).toEqual([200, '"781e5e245d69b566979b86e28d23f2c7"']);
  const head = await s3.call("HEAD", "/data/obj");
  expect(head.headers).toMatchObject({
    "content-length": "10",
    "content-type": "text/plain",
    "x-amz-meta-a": "b",
    etag: put.headers.etag,
  });
  expect(await s3.call("GET", "/data/obj")).toMatchObject({ status: 200, text: "0123456789" });
  const range = (value: string) => s3.call("GET", "/data/obj", { headers: { range: value } });
  expect(await range("bytes=2-4")).toMatchObject({
    status: 206,
    text: "234",
    headers: { "content-range": "bytes 2-4/10" },
  });
  expect(await range("bytes=-3")).toMatchObject({ status: 206, text: "789" });
  expect(await range("bytes=7-")).toMatchObject({ status: 206, text: "789" });
  expect(await range("bytes=10-")).toMatchObject({ status: 416, headers: { "content-range": "bytes */10" } });
  expect(await range("lines=1-2")).toMatchObject({ status: 200 });
});

test("conditions on reading are kept", async () => {
  const { headers } = await s3.call("PUT", "/data/cond", { body: "x" });
  const etag = String(headers.etag);
  const get = (condition: Record<string, string>) => s3.call("GET", "/data/cond", { headers: condition });
  expect((await get({ "if-none-match": etag })).status).toBe(304);
  expect((await get({ "if-match": etag })).status).toBe(200);
  expect((await get({ "if-match": '"other"' })).status).toBe(412);
  expect((await get({ "if-modified-since": new Date(Date.now() + 1000).toUTCString() })).status).toBe(304);
});

test.each<[string, string, string, Parameters<Harness["call"]>[2], number, string]>([
  ["an absent key", "GET", "/data/absent", {}, 404, "NoSuchKey"],
  ["an absent bucket", "GET", "/none/k", {}, 404, "NoSuchBucket"],
  ["a wrong secret", "GET", "/data/k", { secretAccessKey: "wrong" }, 403, "SignatureDoesNotMatch"],
  ["an unknown access key", "GET", "/data/k", { accessKeyId: "unknown" }, 403, "InvalidAccessKeyId"],
  [
    "a body that is not the signed one",
    "PUT",
    "/data/k",
    { body: "x", payloadHash: "0".repeat(64) },
    400,
    "XAmzContentSHA256Mismatch",
  ],
  ["a payload hash that is none", "PUT", "/data/k", { body: "x", payloadHash: "UNSAFE" }, 400, "InvalidArgument"],
  [
    "another MD5",
    "PUT",
    "/data/k",
    { body: "x", headers: { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" } },
    400,
    "BadDigest",
  ],
  ["an MD5 that is none", "PUT", "/data/k", { body: "x", headers: { "content-md5": "abc" } }, 400, "InvalidDigest"],
  ["another CRC32", "PUT", "/data/k", { body: "x", headers: { "x-amz-checksum-crc32": "AAAAAA==" } }, 400, "BadDigest"],
  [
    "another SHA-256",
    "PUT",
    "/data/k",
    { body: "x", headers: { "x-amz-checksum-sha256": "AAAAAA==" } },
    400,
    "BadDigest",
  ],
  [
    "a checksum that we do not have",
    "PUT",
    "/data/k",
    { body: "x", headers: { "x-amz-checksum-md9": "A" } },
    501,
    "NotImplemented",
  ],
  ["a key that is too long", "PUT", `/data/${"k".repeat(1025)}`, { body: "x" }, 400, "KeyTooLongError"],
  ["an operation that we do not have", "GET", "/data/k?acl", {}, 501, "NotImplemented"],
  ["tagging taken for a put", "PUT", "/data/k?tagging", { body: "x" }, 501, "NotImplemented"],
  ["a bucket that is there", "PUT", "/data", {}, 409, "BucketAlreadyOwnedByYou"],
  ["a document type", "POST", "/data?delete", { body: '<!DOCTYPE a [<!ENTITY b "c">]><Delete/>' }, 400, "MalformedXML"],
  ["XML that is none", "POST", "/data?delete", { body: "<Delete><Object>" }, 400, "MalformedXML"],
  ["a part of no upload", "PUT", "/data/k?partNumber=1&uploadId=../../x", { body: "x" }, 404, "NoSuchUpload"],
])("refused with S3's code: %s", async (_, method, target, options, status, code) => {
  const answer = await s3.call(method, target, options);
  expect([answer.status, codeOf(answer)]).toEqual([status, code]);
  await expect(s3.store.head("data", "k")).rejects.toMatchObject({ code: "NotFound" });
});

test("If-None-Match: * creates once", async () => {
  const put = () => s3.call("PUT", "/data/once", { body: "x", headers: { "if-none-match": "*" } });
  expect([(await put()).status, (await put()).status]).toEqual([200, 412]);
});

test("lists come in pages, by prefix and delimiter, with names encoded when asked", async () => {
  for (const key of ["p/1", "p/2/a", "p/2/b", "p/3 & é"]) await s3.store.put("other", key, Buffer.from("x"));
  const list = (query: string) => s3.call("GET", `/other?list-type=2&${query}`);
  expect(keysIn(await list("prefix=p%2F"))).toEqual(["p/1", "p/2/a", "p/2/b", "p/3 &amp; é"]);
  const grouped = await list("prefix=p%2F&delimiter=%2F&encoding-type=url");
  expect(keysIn(grouped)).toEqual(["p/1", "p/3%20%26%20%C3%A9"]);
  expect(grouped.text).toContain("<CommonPrefixes><Prefix>p/2/</Prefix></CommonPrefixes>");
  const first = await list("max-keys=3");
  expect(first.text).toContain("<IsTruncated>true</IsTruncated>");
  const token = /<NextContinuationToken>(.*?)</.exec(first.text)?.[1] ?? "";
  expect(keysIn(await list(`continuation-token=${encodeURIComponent(token)}`))).toEqual(["p/3 &amp; é"]);
  expect(keysIn(await list("start-after=p%2F2%2Fa"))).toEqual(["p/2/b", "p/3 &amp; é"]);
  expect(keysIn(await s3.call("GET", "/other?marker=p%2F2%2Fa"))).toEqual(["p/2/b", "p/3 &amp; é"]);
});

test("many are deleted at once, the absent ones too, with names that need escaping", async () => {
  for (const key of ["d/<1>", "d/2&\n"]) await s3.store.put("data", key, Buffer.from("x"));
  const body =
    "<Delete><Object><Key>d/&lt;1&gt;</Key></Object><Object><Key>d/2&amp;&#xa;</Key></Object><Object><Key>d/no</Key></Object></Delete>";
  const answer = await s3.call("POST", "/data?delete", { body });
  expect([answer.status, keysIn(answer)]).toEqual([200, ["d/&lt;1&gt;", "d/2&amp;&#xa;", "d/no"]]);
  expect((await s3.store.list("data", { prefix: "d/" })).objects).toEqual([]);
});

test("an object is copied with what describes it", async () => {
  await s3.call("PUT", "/data/from%20here", { body: "copy me", headers: { "x-amz-meta-a": "b" } });
  const copied = await s3.call("PUT", "/other/to", { headers: { "x-amz-copy-source": "/data/from%20here" } });
  expect(copied.text).toContain("CopyObjectResult");
  expect(await s3.call("GET", "/other/to")).toMatchObject({ text: "copy me", headers: { "x-amz-meta-a": "b" } });
});

test("a client that waits for 100 Continue is refused before it has sent its body", async () => {
  const socket = connect(Number(new URL(s3.url).port), "127.0.0.1");
  let seen = "";
  socket.write("PUT /data/k HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1000\r\n\r\n");
  for await (const chunk of socket) seen += String(chunk);
  expect(seen).toMatch(/^HTTP\/1\.1 403 /);
  expect(seen).toContain("connection: close");
});

test("a body that is cut off leaves no object", async () => {
  const { url } = await s3.presigner.presign({ method: "PUT", bucket: "data", key: "cut", expiresSeconds: 60 });
  const { host, port, pathname, search } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 1000\r\n\r\nhalf`);
  socket.end();
  for await (const chunk of socket) expect(String(chunk)).not.toMatch(/ 200 /);
  await expect(s3.store.head("data", "cut")).rejects.toMatchObject({ code: "NotFound" });
});

test("a large body goes through in both directions, and a refused one still gets its answer", async () => {
  const body = Buffer.alloc(8 * 1024 * 1024, "large");
  expect((await s3.call("PUT", "/data/large", { body })).status).toBe(200);
  const { text } = await s3.call("GET", "/data/large");
  expect(createHash("md5").update(text).digest("hex")).toBe(createHash("md5").update(body).digest("hex"));
  expect(codeOf(await s3.call("PUT", "/data/large", { body, secretAccessKey: "wrong" }))).toBe("SignatureDoesNotMatch");
});

test("whoever does not sign learns nothing", async () => {
  for (const target of ["/", "/data", "/data/obj", "/none"])
    expect(codeOf(await send("GET", s3.url + target, {}))).toBe("AccessDenied");
});
