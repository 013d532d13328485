/** Secrets in the life of an action: the production executor and secret-service, on virtual time. */
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { Secret_MountType as MountType } from "@homeplane/idl/flyteidl2/core/security";
import { SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { pods, secrets } from "@homeplane/kube";
import { expect, test } from "vitest";
import { World } from "../testing/world.ts";

const runs = { kind: "exit", code: 0, runMs: 5_000 } as const;
const asking = (key: string) => ({
  template: {
    securityContext: { secrets: [{ key, envVar: "KEY", mountRequirement: MountType.ENV_VAR }] },
  },
});
const store = async (world: World, name: string): Promise<void> => {
  const transport = createRouterTransport(({ service }) => service(SecretService, world.secrets.users));
  const id = { name, project: "demo", domain: "development" };
  await createClient(SecretService, transport).createSecret({
    id,
    secretSpec: { value: { case: "stringValue", value: "s3cr3t" } },
  });
};
const placed = async (world: World): Promise<string[]> =>
  (await world.client.list(secrets, { namespace: "demo-development" })).items.map(({ metadata }) => metadata.name);

test("the Secret is there before the pod, for one attempt, and goes with it", async () => {
  await using world = await new World({
    script: ({ attempt }) => (attempt === 1 ? { ...runs, error: { code: "Boom", recoverable: true } } : runs),
  }).start();
  await store(world, "key");
  world.submit("r1", { ...asking("key"), retries: 1 });
  const seen = new Set<string>();
  world.before = async ({ method, path }) => {
    if (method === "POST" && path.endsWith("/pods")) for (const name of await placed(world)) seen.add(name);
  };
  await world.until("settled", async () => {
    const names = (await world.livePods()).map(({ metadata }) => metadata.name);
    if (names.length > 0) expect(await placed(world)).toEqual(expect.arrayContaining(names));
    return world.controlPlane.ends.has("a0");
  });
  await world.pass(2_000);
  expect(seen.size).toBe(2);
  expect(await placed(world)).toEqual([]);
  expect((await world.taskAction("r1")).status?.attempts).toBe(2);
});

test("a missing secret is the action's final failure, and no pod ever ran", async () => {
  await using world = await new World({ script: () => runs }).start();
  world.submit("r1", { ...asking("nowhere"), retries: 5 });
  await world.untilReported("a0");
  const { status } = await world.taskAction("r1");
  expect(status?.errorState).toMatchObject({
    code: "SecretNotFound",
    kind: "USER",
    message: expect.stringContaining("flyte create secret nowhere") as unknown,
  });
  expect(status?.attempts).toBe(1);
  expect((await world.client.list(pods)).items).toEqual([]);
});

test("while secret-service is away the action waits; it fails nothing", async () => {
  await using world = await new World({ script: () => runs }).start();
  await store(world, "key");
  world.secretsAway = true;
  world.submit("r1", asking("key"));
  await world.pass(20_000);
  expect(world.controlPlane.ends.size).toBe(0);
  world.secretsAway = false;
  await world.untilReported("a0");
  expect((await world.taskAction("r1")).status?.errorState).toBeUndefined();
});
