import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { Bucket, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import {
  createPresigner,
  type ObjectStore,
  openFsObjectStore,
  type Presigner,
  type S3Server,
  startS3Server,
  staticCredentials,
} from "@homeplane/object-store";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { objectStoreService } from "./service.ts";

const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
const buckets = { metadata: "meta", fastRegistration: "fast" };
const skip = { ms: 0 };
const clock = { ...systemClock, now: () => Date.now() + skip.ms };
let root = "";
let s3: S3Server;
let store: ObjectStore;
let presigner: Presigner;
let service: Client<typeof ObjectStoreService>;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "homeplane-oss-"));
  const names = ["meta", "fast", "other"];
  store = await openFsObjectStore({ root: join(root, "objects"), buckets: names, clock });
  const multipartRoot = join(root, "multipart");
  s3 = await startS3Server({
    store,
    buckets: names,
    multipartRoot,
    host: "127.0.0.1",
    port: 0,
    credentials,
    clock,
    log: silentLogger,
  });
  const signing = staticCredentials(credentials);
  presigner = createPresigner({ endpoint: s3.url, region: "us-east-1", credentials: signing, clock });
  const implementation = objectStoreService({ store, presigner, buckets, org: "acme" });
  service = createClient(
    ObjectStoreService,
    createRouterTransport((router) => router.service(ObjectStoreService, implementation)),
  );
});
afterAll(async () => {
  await s3.close();
  await rm(root, { recursive: true });
});

const project = { organization: "acme", name: "shop", domain: "dev" };
const at = (path: string, change: object = {}) => ({ bucket: Bucket.METADATA, project, path, ...change });
const md5 = (text: string) => createHash("md5").update(text).digest();
const grant = (path: string, text: string) =>
  service.createUploadUrl({ location: at(path), contentMd5: md5(text), contentLength: BigInt(text.length) });

function send(method: string, url: string, headers: Record<string, string> = {}, body = ""): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method, headers, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    call.on("error", reject);
    call.end(body);
  });
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "accepted";
  } catch (error) {
    return error instanceof ConnectError ? (Code[error.code] ?? "?") : "no ConnectError";
  }
}

test("what is uploaded with a URL lies at its native URL, and is got by another URL", async () => {
  const { signedUrl, nativeUrl, headers } = await grant("dir/a b+ü%2F.bin", "hello");
  expect(nativeUrl).toBe("s3://meta/acme/shop/dev/dir/a b+ü%2F.bin");
  expect(await send("PUT", signedUrl, headers, "hello")).toBe(200);
  expect(Buffer.from((await service.getObject({ nativeUrl })).content).toString()).toBe("hello");
  const download = await service.createDownloadUrl({ nativeUrl });
  expect(await (await fetch(download.signedUrl)).text()).toBe("hello");
});

test("an upload URL takes no other content, length, method, key or header, and none at all when it has died", async () => {
  const { signedUrl, headers, expiresAt } = await grant("bound", "hello");
  const none: Record<string, string> = {};
  expect(await send("PUT", signedUrl, headers, "hellO")).toBeGreaterThanOrEqual(400);
  expect(await send("PUT", signedUrl, { ...headers, "Content-Length": "6" }, "hello!")).toBe(403);
  expect(await send("PUT", signedUrl, { ...headers, "Content-MD5": md5("hellO").toString("base64") }, "hellO")).toBe(
    403,
  );
  expect(await send("PUT", signedUrl, none, "hello")).toBe(403);
  expect(await send("GET", signedUrl, headers, "hello")).toBe(403);
  expect(await send("DELETE", signedUrl, headers, "hello")).toBe(403);
  expect(await send("PUT", signedUrl.replace("/bound?", "/other?"), headers, "hello")).toBe(403);
  expect(await send("PUT", signedUrl.replace("/meta/", "/fast/"), headers, "hello")).toBe(403);
  skip.ms = Number(expiresAt?.seconds) * 1000 - Date.now() + 1000;
  try {
    expect(await send("PUT", signedUrl, headers, "hello")).toBe(403);
  } finally {
    skip.ms = 0;
  }
  expect(await codeOf(service.getObject({ nativeUrl: "s3://meta/acme/shop/dev/bound" }))).toBe("NotFound");
});

test("a download URL gets its own object only, and changes none", async () => {
  await service.putObject({ location: at("mine"), content: Buffer.from("mine") });
  await service.putObject({ location: at("secret"), content: Buffer.from("secret") });
  const { signedUrl } = await service.createDownloadUrl({ nativeUrl: "s3://meta/acme/shop/dev/mine" });
  expect(await send("GET", signedUrl)).toBe(200);
  expect(await send("GET", signedUrl.replace("/mine?", "/secret?"))).toBe(403);
  expect(await send("PUT", signedUrl, {}, "x")).toBe(403);
});

// The confused deputy: what a caller may try to have signed, read or written that is not below its project's prefix.
const paths = [
  "..",
  "../x",
  "a/../../x",
  "a/./b",
  ".",
  "",
  "/",
  "a//b",
  "/a",
  "a/",
  "a\\..\\b",
  "a\u0000b",
  "a\nb",
  "a\u007fb",
  "a\u0085b",
];
test.each(paths)("the path %j is refused by everything that takes a location", async (path) => {
  expect(await codeOf(service.createUploadUrl({ location: at(path), contentMd5: md5("") }))).toBe("InvalidArgument");
  expect(await codeOf(service.putObject({ location: at(path), content: new Uint8Array() }))).toBe("InvalidArgument");
});

test.each(["%2e%2e/x", "..%2f..%2fx", "%2e%2e%2fx", "‥/x", "．．/x", "a/…/b"])(
  "the path %j is a name like any other: nothing decodes it",
  async (path) => {
    const { nativeUrl } = await service.putObject({ location: at(path), content: Buffer.from(path) });
    expect(nativeUrl).toBe(`s3://meta/acme/shop/dev/${path}`);
    const { signedUrl } = await service.createDownloadUrl({ nativeUrl });
    expect(await (await fetch(signedUrl)).text()).toBe(path);
  },
);

test.each([
  ["no project", { project: undefined }, "InvalidArgument"],
  ["an empty name", { project: { ...project, name: "" } }, "InvalidArgument"],
  ["a name that climbs", { project: { ...project, name: ".." } }, "InvalidArgument"],
  ["two names in one", { project: { ...project, domain: "dev/other" } }, "InvalidArgument"],
  ["an organisation that climbs", { project: { ...project, organization: "." } }, "InvalidArgument"],
  ["another organisation", { project: { ...project, organization: "umbrella" } }, "PermissionDenied"],
  ["no bucket", { bucket: Bucket.UNSPECIFIED }, "InvalidArgument"],
  ["a bucket that is not there", { bucket: 7 as Bucket }, "InvalidArgument"],
  ["a key beyond 1024 bytes", { path: "k".repeat(1100) }, "InvalidArgument"],
])("a location with %s is refused", async (_, change, code) => {
  expect(await codeOf(service.createUploadUrl({ location: at("x", change), contentMd5: md5("") }))).toBe(code);
  expect(await codeOf(service.putObject({ location: at("x", change), content: new Uint8Array() }))).toBe(code);
});

test.each([
  ["another bucket", "s3://other/acme/shop/dev/x", "PermissionDenied"],
  ["another organisation", "s3://meta/umbrella/shop/dev/x", "PermissionDenied"],
  ["a climbing key", "s3://meta/acme/shop/dev/../../../x", "InvalidArgument"],
  ["a dot", "s3://meta/acme/shop/./x", "InvalidArgument"],
  ["an empty segment", "s3://meta/acme//dev/x", "InvalidArgument"],
  ["a key outside of every project", "s3://meta/acme/shop/dev", "InvalidArgument"],
  ["a bucket alone", "s3://meta", "InvalidArgument"],
  ["a bucket that only starts like ours", "s3://meta.evil/acme/shop/dev/x", "PermissionDenied"],
  ["another store", "http://meta/acme/shop/dev/x", "InvalidArgument"],
  ["a file", "file:///etc/passwd", "InvalidArgument"],
  ["nothing", "", "InvalidArgument"],
  ["a control character", "s3://meta/acme/shop/dev/a\u0001", "InvalidArgument"],
])("%s as a native URL is refused by everything that takes one", async (_, nativeUrl, code) => {
  expect(await codeOf(service.createDownloadUrl({ nativeUrl }))).toBe(code);
  expect(await codeOf(service.getObject({ nativeUrl }))).toBe(code);
  expect(await codeOf(service.listObjects({ nativeUrlPrefix: nativeUrl }))).toBe(code);
  // An empty one means "see location", of which there is none.
  expect(await codeOf(service.putObject({ nativeUrl, content: new Uint8Array() }))).toBe(code);
});

test.each([
  ["nothing asked", undefined, 900],
  ["too short", 1n, 120],
  ["negative", -5n, 900],
  ["as asked", 600n, 600],
  ["too long", 10n ** 12n, 3600],
])("a URL lives 15 minutes, or as long as asked between 2 minutes and an hour: %s", async (_, seconds, expected) => {
  const expiresIn = seconds === undefined ? {} : { expiresIn: { seconds, nanos: 0 } };
  const upload = await service.createUploadUrl({ location: at("x"), contentMd5: md5(""), ...expiresIn });
  const download = await service.createDownloadUrl({ nativeUrl: "s3://meta/acme/shop/dev/x", ...expiresIn });
  for (const { signedUrl, expiresAt } of [upload, download]) {
    expect(new URL(signedUrl).searchParams.get("X-Amz-Expires")).toBe(String(expected));
    expect(Math.abs(Number(expiresAt?.seconds) - Date.now() / 1000 - expected)).toBeLessThan(5);
  }
});

test.each([
  ["no digest", { contentMd5: new Uint8Array() }],
  ["a digest of another kind", { contentMd5: new Uint8Array(20) }],
  ["a negative length", { contentMd5: md5(""), contentLength: -1n }],
])("an upload with %s is refused: its URL would not be bound", async (_, change) => {
  expect(await codeOf(service.createUploadUrl({ location: at("x"), ...change }))).toBe("InvalidArgument");
});

test("structured data is bounded: 10 MiB in, 20 MiB out, less when asked", async () => {
  const content = Buffer.alloc((10 << 20) + 1);
  expect(await codeOf(service.putObject({ location: at("big"), content }))).toBe("ResourceExhausted");
  await service.putObject({ location: at("big"), content: content.subarray(1) });
  const nativeUrl = "s3://meta/acme/shop/dev/big";
  expect((await service.getObject({ nativeUrl })).content).toHaveLength(10 << 20);
  await store.put("meta", "acme/shop/dev/bigger", Buffer.alloc((20 << 20) + 1));
  for (const request of [
    { nativeUrl: `${nativeUrl}ger`, maxBytes: 10n ** 15n },
    { nativeUrl, maxBytes: 100n },
  ]) {
    expect(await codeOf(service.getObject(request))).toBe("ResourceExhausted");
  }
});

test("a body that is too large is left, not held open", async () => {
  let held = 0;
  const counting: ObjectStore = {
    ...store,
    async get() {
      held++;
      const iterator = {
        next: async () => ({ done: false as const, value: new Uint8Array(10) }),
        return: async () => {
          held--;
          return { done: true as const, value: undefined };
        },
      };
      const meta = { key: "x", size: 100, etag: "", lastModified: new Date(0), metadata: {} };
      return { meta, body: { [Symbol.asyncIterator]: () => iterator } };
    },
  };
  const implementation = objectStoreService({ store: counting, presigner, buckets });
  const transport = createRouterTransport((router) => router.service(ObjectStoreService, implementation));
  const request = { nativeUrl: "s3://meta/acme/shop/dev/x", maxBytes: 50n };
  expect(await codeOf(createClient(ObjectStoreService, transport).getObject(request))).toBe("ResourceExhausted");
  expect(held).toBe(0);
});

test("a list comes in pages, in the order of keys, of what lies below the prefix and nothing beside it", async () => {
  const names = Array.from({ length: 1003 }, (_, n) => `acme/shop/dev/list/${String(n).padStart(4, "0")}`);
  for (const name of [...names, "acme/shop/dev/list-other/x", "acme/shop/dev/list"])
    await store.put("meta", name, new Uint8Array());
  const found: string[] = [];
  const sizes: number[] = [];
  let token = "";
  do {
    const page = await service.listObjects({ nativeUrlPrefix: "s3://meta/acme/shop/dev/list", token });
    sizes.push(page.nativeUrls.length);
    found.push(...page.nativeUrls);
    token = page.token;
  } while (token !== "");
  expect(found).toEqual(names.map((name) => `s3://meta/${name}`));
  expect(sizes).toEqual([1000, 3]);
});

test("what is not there is NOT_FOUND; a token that nobody gave out is no fault of the server's", async () => {
  expect(await codeOf(service.getObject({ nativeUrl: "s3://meta/acme/shop/dev/none" }))).toBe("NotFound");
  const foreign = service.listObjects({ nativeUrlPrefix: "s3://meta/acme/shop/dev/list", token: "%%%" });
  expect(["InvalidArgument", "accepted"]).toContain(await codeOf(foreign));
});
