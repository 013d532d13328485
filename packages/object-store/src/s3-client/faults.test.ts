import { createHash } from "node:crypto";
import { systemClock } from "@homeplane/runtime-kit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { readAll } from "../body.ts";
import type { CredentialSource } from "../credentials/source.ts";
import type { ObjectBody } from "../port.ts";
import { credentials, credentialSource } from "../testing/credentials.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../testing/fault-proxy.ts";
import { type Harness, startHarness } from "../testing/harness.ts";
import { createS3ObjectStore, type S3ObjectStore } from "./s3-object-store.ts";

const MIB = 1 << 20;
let s3: Harness;
let proxy: FaultProxy;
let store: S3ObjectStore;
const pauses: number[] = [];
/** Waits are noted and not kept. */
const clock = {
  ...systemClock,
  after(ms: number, run: () => void) {
    pauses.push(ms);
    return systemClock.after(Math.min(ms, 5), run);
  },
};

beforeAll(async () => {
  s3 = await startHarness();
});
afterAll(() => s3[Symbol.asyncDispose]());
beforeEach(async () => {
  proxy = await startFaultProxy(s3.url);
  pauses.length = 0;
  store = open();
});
afterEach(async () => {
  await store.close();
  await proxy[Symbol.asyncDispose]();
});

function open(source: CredentialSource = credentialSource): S3ObjectStore {
  return createS3ObjectStore({
    endpoint: proxy.url,
    region: "us-east-1",
    credentials: source,
    clock,
    random: () => 0.5,
  });
}

/** The first so many requests that fit meet a fault. */
function fail(fits: RegExp, faults: readonly Fault[]): void {
  const left = [...faults];
  proxy.decide = (line) => (fits.test(line) ? left.shift() : undefined);
}

const error = (status: number, code: string): Fault => ({
  kind: "answer",
  status,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>because</Message></Error>`,
});
const parts = async function* (mib: number): ObjectBody {
  for (let i = 0; i < mib; i++) yield Buffer.alloc(MIB, `part ${i}`);
};
const read = async (key: string): Promise<string> =>
  Buffer.from(await readAll((await store.get("data", key)).body, 1e6)).toString();
const openUploads = async (): Promise<number> =>
  ((await s3.call("GET", "/data?uploads=")).text.match(/<UploadId>/g) ?? []).length;

test.each<[string, Fault]>([
  ["a reset connection", { kind: "reset" }],
  ["an answer that is lost", { kind: "lost-answer" }],
  ["503 SlowDown", error(503, "SlowDown")],
  ["500 InternalError", error(500, "InternalError")],
  ["429", { kind: "answer", status: 429 }],
  ["a proxy's 502", { kind: "answer", status: 502, body: "<html>bad gateway</html>" }],
  ["a body damaged on the way", error(400, "XAmzContentSHA256Mismatch")],
])("%s is tried again, by every call that may be repeated", async (_, fault) => {
  fail(/./, [fault, fault]);
  await store.put("data", "again", Buffer.from("again"));
  fail(/./, [fault]);
  expect((await store.head("data", "again")).size).toBe(5);
  fail(/./, [fault]);
  expect(await read("again")).toBe("again");
  fail(/./, [fault]);
  expect((await store.list("data", { prefix: "again" })).objects).toHaveLength(1);
  fail(/./, [fault]);
  await store.delete("data", "again");
  await expect(s3.store.head("data", "again")).rejects.toMatchObject({ code: "NotFound" });
});

test("tries are bounded, with pauses that grow, or as long as the store asks", async () => {
  fail(
    /./,
    Array.from({ length: 50 }, () => error(503, "SlowDown")),
  );
  const refusal = await store.head("data", "k").catch((thrown: unknown) => thrown);
  expect(refusal).toMatchObject({ code: "Unavailable", call: { operation: "HeadObject", status: 503 } });
  expect((refusal as Error).message).toContain("(6 tries)");
  expect(proxy.seen).toHaveLength(6);
  expect(pauses).toEqual([50, 100, 200, 400, 800]);
  pauses.length = 0;
  fail(/./, [{ kind: "answer", status: 503, headers: { "retry-after": "3" } }]);
  await store.list("data");
  expect(pauses).toEqual([3000]);
});

test.each([
  ["AccessDenied", 403, "AccessDenied"],
  ["SignatureDoesNotMatch", 403, "Unauthenticated"],
  ["RequestTimeTooSkewed", 403, "ClockSkew"],
  ["NotImplemented", 501, "Internal"],
  ["MalformedXML", 400, "Internal"],
  ["EntityTooLarge", 400, "TooLarge"],
  ["XMinioStorageFull", 507, "NoSpace"],
])("%s is told at once as what it is, and not tried again", async (reason, status, code) => {
  fail(
    /./,
    Array.from({ length: 5 }, () => error(status, reason)),
  );
  await expect(store.put("data", "k", Buffer.from("x"))).rejects.toMatchObject({
    code,
    call: { operation: "PutObject", status, reason },
    message: expect.stringMatching(/^PutObject of data\/k at http:.*because/),
  });
  expect(proxy.seen).toHaveLength(1);
});

test("a write under a condition is not repeated when it may have been done; it is when it was not", async () => {
  for (const fault of [{ kind: "lost-answer" } as const, { kind: "reset" } as const, error(500, "InternalError")]) {
    const key = `conditional-${fault.kind}`;
    proxy.seen.length = 0;
    fail(/./, [fault]);
    await expect(store.put("data", key, Buffer.from("x"), { ifNoneMatch: "*" })).rejects.toMatchObject({
      code: "Unavailable",
      message: expect.stringContaining("whether it was done is not known"),
    });
    expect(proxy.seen).toHaveLength(1);
  }
  fail(/./, [error(503, "SlowDown"), error(409, "ConditionalRequestConflict")]);
  await store.put("data", "conditional", Buffer.from("x"), { ifNoneMatch: "*" });
});

test("credentials that the store no longer knows are replaced once; new ones that it does not know are told", async () => {
  let given = 0;
  const refused: unknown[] = [];
  const source: CredentialSource = {
    get: async () => ({ ...credentials, expiresAt: new Date(++given) }),
    invalidate: (old) => void refused.push(old.expiresAt?.getTime()),
  };
  const rotating = open(source);
  fail(/./, [error(400, "ExpiredToken")]);
  await rotating.put("data", "rotated", Buffer.from("x"));
  expect([given, refused]).toEqual([2, [1]]);
  fail(
    /./,
    Array.from({ length: 9 }, () => error(403, "InvalidAccessKeyId")),
  );
  await expect(rotating.put("data", "rotated", Buffer.from("x"))).rejects.toMatchObject({ code: "Unauthenticated" });
  expect(given).toBe(4);
  await rotating.close();
});

test("a HEAD that is refused without a word is asked again as a GET, which says why", async () => {
  proxy.decide = (line) =>
    line.startsWith("HEAD") ? { kind: "answer", status: 403 } : error(403, "RequestTimeTooSkewed");
  await expect(store.head("data", "k")).rejects.toMatchObject({ code: "ClockSkew" });
});

test("a body that breaks off is read on from there, as long as the object is the same", async () => {
  const content = Buffer.alloc(5 * MIB, "the quick brown fox, ");
  await s3.store.put("data", "broken", content);
  fail(/^GET/, [{ kind: "cut", bytes: 100_000 }, { kind: "cut", bytes: 1_000_000 }, { kind: "reset" }]);
  const found = await readAll((await store.get("data", "broken")).body, 10 * MIB);
  expect(createHash("md5").update(found).digest("hex")).toBe(createHash("md5").update(content).digest("hex"));
  fail(/^GET/, [{ kind: "cut", bytes: 1000 }]);
  const part = await readAll((await store.get("data", "broken", { range: { start: 10, end: 20_009 } })).body, MIB);
  expect(Buffer.from(part).equals(content.subarray(10, 20_010))).toBe(true);
});

test("a body that breaks off, of an object that is replaced meanwhile, is an error and not a mixture", async () => {
  await s3.store.put("data", "mixed", Buffer.alloc(MIB, "a"));
  let cut = true;
  proxy.decide = (line) => {
    if (!line.startsWith("GET") || !cut) return undefined;
    cut = false;
    return { kind: "cut", bytes: 1000 };
  };
  const { body } = await store.get("data", "mixed");
  await s3.store.put("data", "mixed", Buffer.alloc(MIB, "b"));
  await expect(readAll(body, 2 * MIB)).rejects.toMatchObject({
    code: "Unavailable",
    message: expect.stringContaining("replaced"),
  });
});

test("a body that breaks off again and again without a byte is given up", async () => {
  await s3.store.put("data", "hopeless", Buffer.alloc(MIB, "a"));
  proxy.decide = () => ({ kind: "cut", bytes: 0 });
  await expect((async () => readAll((await store.get("data", "hopeless")).body, 2 * MIB))()).rejects.toMatchObject({
    code: "Unavailable",
  });
  expect(proxy.seen.length).toBeLessThan(60);
});

test("parts whose answers are lost are sent again, and the object is whole", async () => {
  fail(/partNumber=/, [{ kind: "reset" }, { kind: "lost-answer" }, error(503, "SlowDown")]);
  const { size, etag } = await store.put("data", "parts", parts(20));
  expect([size, (await s3.store.head("data", "parts")).etag]).toEqual([20 * MIB, etag]);
  expect(await openUploads()).toBe(0);
});

test("an upload in parts that fails is taken back, and leaves neither parts nor object", async () => {
  const never = Array.from({ length: 99 }, () => error(403, "AccessDenied"));
  for (const fits of [/partNumber=2/, /^POST .*uploadId=/]) {
    fail(fits, never);
    await expect(store.put("data", "failed", parts(20))).rejects.toMatchObject({ code: "AccessDenied" });
    proxy.decide = () => undefined;
    expect(await openUploads()).toBe(0);
    await expect(s3.store.head("data", "failed")).rejects.toMatchObject({ code: "NotFound" });
  }
});

test("a completion whose answer is lost is found done", async () => {
  fail(/^POST .*uploadId=/, [{ kind: "lost-answer" }]);
  await store.put("data", "completed", parts(9));
  expect((await s3.store.head("data", "completed")).size).toBe(9 * MIB);
  // As Amazon S3 and MinIO have it, which forget the upload; the etag tells that the object is ours.
  let key = "";
  proxy.decide = (line) => {
    if (line.startsWith("POST") && line.includes("uploadId=")) return error(404, "NoSuchUpload");
    if (!line.startsWith("HEAD")) return undefined;
    return { kind: "answer", status: 200, headers: { etag: key } };
  };
  const partMd5 = (mib: number, from: number): Buffer => {
    const hash = createHash("md5");
    for (let i = from; i < from + mib; i++) hash.update(Buffer.alloc(MIB, `part ${i}`));
    return hash.digest();
  };
  const whole = createHash("md5")
    .update(Buffer.concat([partMd5(5, 0), partMd5(4, 5)]))
    .digest("hex");
  key = `"${whole}-2"`;
  expect((await store.put("data", "forgotten", parts(9))).etag).toBe(`${whole}-2`);
  key = '"another-2"';
  await expect(store.put("data", "forgotten", parts(9))).rejects.toMatchObject({ call: { reason: "NoSuchUpload" } });
});

test("an error that comes with a completion's 200 is an error", async () => {
  fail(/^POST .*uploadId=/, [error(200, "InternalError")]);
  await store.put("data", "late-error", parts(9));
  fail(
    /^POST .*uploadId=/,
    Array.from({ length: 9 }, () => error(200, "InternalError")),
  );
  await expect(store.put("data", "late-error-2", parts(9))).rejects.toMatchObject({ code: "Unavailable" });
  await expect(s3.store.head("data", "late-error-2")).rejects.toMatchObject({ code: "NotFound" });
});

test("a body that nobody reads gives its connection back when it is left", async () => {
  await s3.store.put("data", "unread", Buffer.alloc(20 * MIB, "a"));
  for (let i = 0; i < 200; i++) {
    const { body } = await store.get("data", "unread");
    await body[Symbol.asyncIterator]().return?.();
  }
  expect((await store.head("data", "unread")).size).toBe(20 * MIB);
}, 60_000);

test("an abort in the middle of tries is the caller's reason, at once", async () => {
  const stop = new AbortController();
  proxy.decide = () => {
    setTimeout(() => stop.abort(new Error("enough")), 1);
    return error(503, "SlowDown");
  };
  await expect(store.list("data", { signal: stop.signal })).rejects.toThrow("enough");
});

test("a list that is none is told, not taken for an empty one", async () => {
  for (const body of ["", "<html></html>", "<Other/>", '<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult/>']) {
    fail(/./, [{ kind: "answer", status: 200, body }]);
    await expect(store.list("data")).rejects.toMatchObject({ code: "Internal" });
  }
});
