/** The S3 driver, the presigner and web identity against a real MinIO, which refuses what S3 refuses. */
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  checkBucket,
  createPresigner,
  createS3ObjectStore,
  type CredentialSource,
  prefixPolicy,
  type S3ObjectStore,
  staticCredentials,
  webIdentityCredentials,
  type WebIdentityCredentials,
  type WebIdentityOptions,
} from "@homeplane/object-store";
import { systemClock as clock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { objectStoreContract } from "@homeplane/object-store/testing/contract";
import { buildProgram } from "./go-program.ts";
import { type MinioServer, startMinio } from "./minio-server.ts";
import { startTokenIssuer, type TokenIssuer } from "./token-issuer.ts";

const audience = "sts.amazonaws.com";
const region = "us-east-1";
const admin = "system:serviceaccount:union:executor";
const task = "system:serviceaccount:shop-development:task";
const buckets = ["meta", "fast", "contract"];

const policyFor = (names: readonly string[], subjects: object): object => ({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Action: ["s3:ListBucket"],
      Resource: names.map((name) => `arn:aws:s3:::${name}`),
      Condition: subjects,
    },
    {
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
      Resource: names.map((name) => `arn:aws:s3:::${name}/*`),
      Condition: subjects,
    },
  ],
});

const projectPolicy = (bucket: string, prefix: string, subject: string): object => {
  const whose = { StringEquals: { "jwt:sub": [subject] } };
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: ["s3:ListBucket"],
        Resource: [`arn:aws:s3:::${bucket}`],
        Condition: { ...whose, StringLike: { "s3:prefix": [`${prefix}*`] } },
      },
      {
        Effect: "Allow",
        Action: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
        Resource: [`arn:aws:s3:::${bucket}/${prefix}*`],
        Condition: whose,
      },
    ],
  };
};

let issuer: TokenIssuer;
let minio: MinioServer;
let folder = "";
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  const program = await buildProgram("minio", (line) => process.stdout.write(`${line}\n`));
  folder = await mkdtemp(join(tmpdir(), "object-store-test-"));
  issuer = await startTokenIssuer();
  minio = await startMinio({
    program,
    buckets,
    issuer: issuer.url,
    audience,
    policies: {
      adminflyterole: policyFor(["meta", "fast"], { StringEquals: { "jwt:sub": [admin] } }),
      userflyterole: policyFor(["meta"], { StringEquals: { "jwt:sub": [task] } }),
      // Of another project's tasks, kept to what is theirs.
      bank: projectPolicy("meta", "acme/bank/development/", "system:serviceaccount:bank-development:task"),
    },
  });
}, 3_000_000);
afterAll(async () => {
  for (const one of open) await one.close();
  await minio?.[Symbol.asyncDispose]();
  await issuer?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function storeWith(credentials: CredentialSource): S3ObjectStore {
  const { url: endpoint, caFile } = minio;
  const store = createS3ObjectStore({ endpoint, region, credentials, caFile, clock, random: Math.random });
  open.push(store);
  return store;
}

const rootStore = (): S3ObjectStore => storeWith(staticCredentials(minio.credentials));

let files = 0;
async function identity(token: string, more: Partial<WebIdentityOptions> = {}): Promise<WebIdentityCredentials> {
  const tokenFile = join(folder, `token-${++files}`);
  await writeFile(tokenFile, token);
  const { url: stsEndpoint, caFile, roleArn } = minio;
  const common = { region, stsEndpoint, roleArn, tokenFile, caFile, sessionName: "test", clock, random: Math.random };
  const source = webIdentityCredentials({ ...common, ...more });
  open.push(source);
  return source;
}

const put = (store: S3ObjectStore, bucket: string, key: string) => store.put(bucket, key, Buffer.from("x"));

objectStoreContract("MinIO", async () => {
  const store = rootStore();
  // MinIO keeps objects in folders.
  return {
    store,
    bucket: "contract",
    flat: false,
    [Symbol.asyncDispose]: () => store.close(),
  };
});

describe("web identity", () => {
  test("a token of the role's ServiceAccount gives credentials that end, and may do what the role may", async () => {
    const source = await identity(issuer.token({ subject: admin, audience }), { durationSeconds: 900 });
    const { sessionToken, expiresAt } = await source.get();
    expect(sessionToken).toBeTruthy();
    expect(Math.abs((expiresAt?.getTime() ?? 0) - Date.now() - 900_000)).toBeLessThan(30_000);
    const store = storeWith(source);
    for (const bucket of ["meta", "fast"])
      expect(await checkBucket(store, bucket, { depth: "all", signal: AbortSignal.timeout(20_000) })).toEqual([]);
  });

  test("tasks have their own role, and another ServiceAccount with the same audience has none", async () => {
    const tasks = storeWith(await identity(issuer.token({ subject: task, audience })));
    await put(tasks, "meta", "acme/shop/development/x");
    await expect(put(tasks, "fast", "x")).rejects.toMatchObject({ code: "AccessDenied" });
    const stranger = storeWith(
      await identity(issuer.token({ subject: "system:serviceaccount:union:other", audience })),
    );
    for (const call of [
      () => stranger.list("meta"),
      () => put(stranger, "meta", "y"),
      () => stranger.head("meta", "acme/shop/development/x"),
    ])
      await expect(call()).rejects.toMatchObject({ code: "AccessDenied" });
  });

  test.each([
    ["garbage", () => "garbage", {}],
    ["a token for another audience", () => issuer.token({ subject: admin, audience: "homeplane" }), {}],
    ["a token that has ended", () => issuer.token({ subject: admin, audience, seconds: -10 }), {}],
    [
      "a token that somebody else signed",
      () => `${issuer.token({ subject: admin, audience }).slice(0, -20)}${"A".repeat(20)}`,
      {},
    ],
    [
      "a role that is not there",
      () => issuer.token({ subject: admin, audience }),
      { roleArn: "arn:minio:iam:::role/none" },
    ],
  ])("%s is refused, and the error names the call, the role, the address and the reason", async (_, token, more) => {
    const source = await identity(token(), more);
    const error: unknown = await source.get().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "Unauthenticated",
      call: { operation: "AssumeRoleWithWebIdentity", status: 400 },
    });
    const { message } = error as Error;
    expect(message).toContain("AssumeRoleWithWebIdentity of arn:minio:iam:::role/");
    expect(message).toContain(minio.url);
    expect(message).toMatch(/InvalidParameterValue|ExpiredToken|InvalidClientTokenId/);
    const [problem] = await checkBucket(storeWith(source), "meta", {
      depth: "read",
      signal: AbortSignal.timeout(20_000),
    });
    expect(problem).toMatchObject({
      call: "list",
      code: "Unauthenticated",
      message: expect.stringContaining("AssumeRole"),
    });
  });

  test("a policy can keep the tasks of a project to what is theirs", async () => {
    const bank = storeWith(
      await identity(issuer.token({ subject: "system:serviceaccount:bank-development:task", audience })),
    );
    await put(bank, "meta", "acme/bank/development/run/x");
    expect((await bank.list("meta", { prefix: "acme/bank/development/" })).objects).toHaveLength(1);
    await put(rootStore(), "meta", "acme/shop/development/theirs");
    for (const call of [
      () => put(bank, "meta", "acme/shop/development/x"),
      () => bank.head("meta", "acme/shop/development/theirs"),
      () => bank.list("meta", { prefix: "acme/" }),
      () => put(bank, "fast", "acme/bank/development/x"),
    ])
      await expect(call()).rejects.toMatchObject({ code: "AccessDenied" });
  });

  test("a session policy keeps credentials to a prefix", async () => {
    const sessionPolicy = prefixPolicy(["meta"], "acme/shop/development/");
    const store = storeWith(await identity(issuer.token({ subject: admin, audience }), { sessionPolicy }));
    await put(store, "meta", "acme/shop/development/mine");
    expect((await store.list("meta", { prefix: "acme/shop/development/" })).objects.length).toBeGreaterThan(0);
    for (const call of [
      () => put(store, "meta", "acme/shop/production/other"),
      () => put(store, "fast", "acme/shop/development/x"),
      () => store.list("meta"),
      () => store.list("meta", { prefix: "acme/" }),
    ])
      await expect(call()).rejects.toMatchObject({ code: "AccessDenied" });
  });
});

describe("presigned URLs by session credentials", () => {
  const md5 = (text: string): string => createHash("md5").update(text).digest("base64");

  test("take what was signed, and no other method, key, content, length or token, and die", async () => {
    const credentials = await identity(issuer.token({ subject: admin, audience }));
    const presigner = createPresigner({ endpoint: minio.url, region, credentials, clock });
    const headers = { "Content-MD5": md5("hello"), "Content-Length": "5" };
    const sign = (key: string, expiresSeconds = 60) =>
      presigner.presign({ method: "PUT", bucket: "meta", key, expiresSeconds, headers });
    const { url } = await sign("signed");
    expect(new URL(url).searchParams.get("X-Amz-Security-Token")).toBeTruthy();
    expect(await send("GET", url)).toBeGreaterThanOrEqual(400);
    expect(await send("DELETE", url)).toBeGreaterThanOrEqual(400);
    expect(await send("PUT", url.replace("/signed?", "/other?"), headers, "hello")).toBe(403);
    expect(await send("PUT", url.replace("/meta/", "/fast/"), headers, "hello")).toBe(403);
    expect(await send("PUT", url, { ...headers, "Content-MD5": md5("jello") }, "jello")).toBe(403);
    expect(await send("PUT", url, { ...headers, "Content-Length": "6" }, "hello!")).toBe(403);
    expect(await send("PUT", url, headers, "jello")).toBe(400);
    expect(
      await send("PUT", url.replace(/X-Amz-Security-Token=[^&]*/, "X-Amz-Security-Token=other"), headers, "hello"),
    ).toBe(403);
    await expect(rootStore().head("meta", "signed")).rejects.toMatchObject({ code: "NotFound" });
    expect(await send("PUT", url, headers, "hello")).toBe(200);
    const download = await presigner.presign({ method: "GET", bucket: "meta", key: "signed", expiresSeconds: 60 });
    expect(await send("GET", download.url)).toBe(200);
    const short = await sign("short", 1);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect(await send("PUT", short.url, headers, "hello")).toBe(403);
  });

  test("say that they die with the credentials of their signer", async () => {
    const credentials = await identity(issuer.token({ subject: admin, audience }), { durationSeconds: 900 });
    const presigner = createPresigner({ endpoint: minio.url, region, credentials, clock });
    const { url, expiresAt } = await presigner.presign({
      method: "GET",
      bucket: "meta",
      key: "k",
      expiresSeconds: 3600,
    });
    const end = (await credentials.get()).expiresAt?.getTime() ?? 0;
    expect(expiresAt.getTime()).toBeLessThanOrEqual(end);
    expect(expiresAt.getTime()).toBeGreaterThan(end - 10_000);
    expect(Number(new URL(url).searchParams.get("X-Amz-Expires"))).toBeLessThanOrEqual(900);
  });

  function send(method: string, url: string, headers: Record<string, string> = {}, body = ""): Promise<number> {
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, headers, agent: false, ca: readFileSync(minio.caFile) }, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }
});

describe("what keeps us from a bucket is told", () => {
  const signal = (): AbortSignal => AbortSignal.timeout(20_000);

  test.each([
    ["read", "list"],
    ["all", "list"],
  ] as const)("a bucket that is missing (%s)", async (depth, call) => {
    const problems = await checkBucket(rootStore(), "absent-bucket", { depth, signal: signal() });
    expect(problems).toMatchObject([
      { call, code: "NoSuchBucket", nextStep: expect.stringContaining("absent-bucket") },
    ]);
  });

  test("each right that is missing, by its name", async () => {
    const tasks = storeWith(await identity(issuer.token({ subject: task, audience })));
    const problems = await checkBucket(tasks, "fast", { depth: "all", signal: signal() });
    expect(problems.map(({ call, code }) => `${call} ${code}`)).toEqual(["list AccessDenied", "put AccessDenied"]);
    expect(problems.map(({ nextStep }) => nextStep).join()).toContain("s3:PutObject on arn:aws:s3:::fast/*");
    const readOnly = {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: ["s3:ListBucket", "s3:PutObject"], Resource: ["arn:aws:s3:::*"] }],
    };
    const narrow = storeWith(
      await identity(issuer.token({ subject: admin, audience }), { sessionPolicy: JSON.stringify(readOnly) }),
    );
    const found = await checkBucket(narrow, "meta", { depth: "all", key: "check", signal: signal() });
    expect(found.map(({ call, code }) => `${call} ${code}`)).toEqual(["get AccessDenied", "delete AccessDenied"]);
  });

  test("a store whose certificate nobody vouches for, and a CA that comes later", async () => {
    const caFile = join(folder, "late-ca.crt");
    await writeFile(caFile, "");
    let skip = 0;
    const moved = { ...clock, now: () => Date.now() + skip };
    const credentials = staticCredentials(minio.credentials);
    const store = createS3ObjectStore({
      endpoint: minio.url,
      region,
      credentials,
      caFile,
      clock: moved,
      random: Math.random,
    });
    open.push(store);
    expect(await checkBucket(store, "meta", { depth: "read", signal: signal() })).toMatchObject([
      { call: "list", code: "Untrusted" },
    ]);
    await writeFile(caFile, readFileSync(minio.caFile));
    skip = 10_000;
    expect(await checkBucket(store, "meta", { depth: "read", signal: signal() })).toEqual([]);
  });

  test("a clock that is wrong, and by how much", async () => {
    const wrong = { ...clock, now: () => Date.now() - 3_600_000 };
    const { url: endpoint, caFile } = minio;
    const credentials = staticCredentials(minio.credentials);
    const store = createS3ObjectStore({ endpoint, region, credentials, caFile, clock: wrong, random: Math.random });
    open.push(store);
    const [problem] = await checkBucket(store, "meta", { depth: "read", signal: signal() });
    expect(problem).toMatchObject({ code: "ClockSkew" });
    expect(problem?.message).toMatch(/the clock here is 3(599|600|601) s behind the store's/);
  });

  test("a wrong secret", async () => {
    const store = storeWith(staticCredentials({ ...minio.credentials, secretAccessKey: "wrong" }));
    expect(await checkBucket(store, "meta", { depth: "read", signal: signal() })).toMatchObject([
      { code: "Unauthenticated" },
    ]);
  });
});

test("three times as large an object, streamed in and out, takes no more memory than one of 100 MB", async () => {
  const store = rootStore();
  const chunk = Buffer.alloc(1 << 20, "stream");
  let peak = 0;
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage().rss);
  };
  async function* source(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0; left -= chunk.byteLength) {
      look();
      yield chunk.subarray(0, Math.min(left, chunk.byteLength));
    }
  }
  const there = async (size: number): Promise<void> => {
    expect((await store.put("meta", "large", source(size))).size).toBe(size);
    let read = 0;
    const { body } = await store.get("meta", "large");
    for await (const part of body) {
      read += part.byteLength;
      look();
    }
    expect(read).toBe(size);
  };
  await there(100_000_000);
  const before = peak;
  await there(300_000_000);
  expect(peak - before).toBeLessThan(100 << 20);
}, 120_000);

test("a store that is away for a moment is waited for; one that stays away is told", async () => {
  const store = rootStore();
  await put(store, "meta", "before");
  minio.pause();
  const late = setTimeout(() => minio.resume(), 2_000);
  await put(store, "meta", "meanwhile");
  clearTimeout(late);
  const gone = createS3ObjectStore({
    endpoint: "https://127.0.0.1:1",
    region,
    credentials: staticCredentials(minio.credentials),
    clock,
    random: Math.random,
  });
  open.push(gone);
  await expect(gone.head("meta", "x")).rejects.toMatchObject({
    code: "Unavailable",
    message: expect.stringContaining("127.0.0.1:1"),
  });
});
