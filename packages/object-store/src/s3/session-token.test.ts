import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger as log, systemClock as clock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { staticCredentials } from "../credentials/source.ts";
import { openFsObjectStore } from "../fs/fs-object-store.ts";
import { createS3ObjectStore } from "../s3-client/s3-object-store.ts";
import { createPresigner } from "../sigv4/presigner.ts";
import { startS3Server } from "./server.ts";

const session = { accessKeyId: "key", secretAccessKey: "secret", sessionToken: "of the session" };
const stack = new AsyncDisposableStack();
let endpoint: string;

beforeAll(async () => {
  const root = await mkdtemp(join(tmpdir(), "s3-session-"));
  stack.defer(() => rm(root, { recursive: true }));
  const buckets = ["bucket"];
  const store = await openFsObjectStore({ root, buckets, clock });
  const common = { store, buckets, multipartRoot: join(root, ".multipart"), host: "127.0.0.1", port: 0, clock, log };
  const server = await startS3Server({ ...common, credentials: session });
  stack.defer(() => server.close());
  endpoint = server.url;
});
afterAll(() => stack.disposeAsync());

const common = { region: "us-east-1", clock, random: Math.random };
const put = async (credentials: typeof session | Omit<typeof session, "sessionToken">) => {
  const store = createS3ObjectStore({ ...common, endpoint, credentials: staticCredentials(credentials) });
  stack.defer(() => store.close());
  return await store.put("bucket", "key", Buffer.from("content"));
};

test("credentials of a session are good with their token, in the header and in a presigned URL", async () => {
  expect(await put(session)).toMatchObject({ size: 7 });
  const presigner = createPresigner({ ...common, endpoint, credentials: staticCredentials(session) });
  const { url } = await presigner.presign({ method: "GET", bucket: "bucket", key: "key", expiresSeconds: 60 });
  expect(await (await fetch(url)).text()).toBe("content");
});

test("without their token, or with another, they are refused", async () => {
  const { sessionToken: _, ...without } = session;
  await expect(put(without)).rejects.toThrow(/InvalidToken/);
  await expect(put({ ...session, sessionToken: "of another" })).rejects.toThrow(/InvalidToken/);
});
