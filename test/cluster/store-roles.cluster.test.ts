/** The cluster's own tokens at its object store: which ServiceAccount may do what. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkBucket, createS3ObjectStore, webIdentityCredentials } from "@homeplane/object-store";
import { systemClock as clock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buckets, tokenAudience } from "./bootstrap/layout.ts";
import { run } from "./bootstrap/run.ts";
import { type ClusterEnvironment, realCluster } from "./real-cluster.ts";

const namespace = "store-roles";

describe("roles at the object store of the test cluster", { timeout: 120_000 }, () => {
  let cluster: ClusterEnvironment;
  let folder = "";

  const kubectl = (...args: string[]): Promise<string> =>
    run(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...args]);

  beforeAll(async () => {
    cluster = await realCluster();
    folder = await mkdtemp(join(tmpdir(), namespace));
    await kubectl("delete", "namespace", namespace, "--ignore-not-found");
    await kubectl("create", "namespace", namespace);
  }, 2_400_000);
  afterAll(async () => {
    await kubectl("delete", "namespace", namespace, "--wait=false");
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    ["executor", []],
    ["object-store-service", []],
    ["log-provider", []],
    ["task", ["delete"]],
    ["operator", ["list", "put"]],
    ["task-gateway", ["list", "put"]],
  ])("the ServiceAccount %s is refused: %j", async (account, refused) => {
    await kubectl("-n", namespace, "create", "serviceaccount", account);
    const tokenFile = join(folder, account);
    const token = await kubectl("-n", namespace, "create", "token", account, "--audience", tokenAudience);
    await writeFile(tokenFile, token);
    const { endpoint, caFile } = cluster.minio;
    const common = { region: "us-east-1", caFile, clock, random: Math.random };
    const roleArn = "arn:aws:iam::000000000000:role/any";
    const identity = { stsEndpoint: endpoint, roleArn, tokenFile, sessionName: account };
    const credentials = webIdentityCredentials({ ...common, ...identity });
    const store = createS3ObjectStore({ ...common, endpoint, credentials });
    try {
      for (const bucket of buckets) {
        const options = { depth: "all", key: "test/store-roles", signal: AbortSignal.timeout(30_000) } as const;
        const problems = await checkBucket(store, bucket, options);
        expect(problems.map(({ call }) => call)).toEqual(refused);
        for (const { code } of problems) expect(code).toBe("AccessDenied");
      }
    } finally {
      await store.close();
      await credentials.close();
    }
  });
});
