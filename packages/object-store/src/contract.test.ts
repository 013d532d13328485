import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock as clock } from "@homeplane/runtime-kit";
import { openFsObjectStore } from "./fs/fs-object-store.ts";
import { createS3ObjectStore } from "./s3-client/s3-object-store.ts";
import { objectStoreContract } from "./testing/contract.ts";
import { credentialSource } from "./testing/credentials.ts";
import { startHarness } from "./testing/harness.ts";

objectStoreContract("a folder", async () => {
  const root = await mkdtemp(join(tmpdir(), "contract-"));
  return {
    store: await openFsObjectStore({ root, buckets: ["data"], clock }),
    bucket: "data",
    flat: true,
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
});

objectStoreContract("the embedded S3 server", async () => {
  const harness = await startHarness();
  const options = { endpoint: harness.url, region: "us-east-1", credentials: credentialSource };
  const store = createS3ObjectStore({ ...options, clock, random: Math.random });
  return {
    store,
    bucket: "data",
    flat: true,
    async [Symbol.asyncDispose]() {
      await store.close();
      await harness[Symbol.asyncDispose]();
    },
  };
});
