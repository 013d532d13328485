import { Code } from "@connectrpc/connect";
import { type Pod, pods, secrets } from "@homeplane/kube";
import { expect, test } from "vitest";
import { taskSecretLabel } from "@homeplane/idl";
import { pod, startWorld, value } from "./testing/world.ts";

const owner = { ownerName: "r1-a0", ownerUid: "uid-1" };
const scope = { project: "demo", domain: "development" };
const wanted = (key: string, more: { group?: string; asEnv?: boolean } = {}) => ({ key, dataKey: key, ...more });
const request = (...list: ReturnType<typeof wanted>[]) => ({ ...pod, ...owner, ...scope, secrets: list });

test("the nearest scope that has a secret gives it", async () => {
  await using world = await startWorld();
  await world.create("key", "", "", "organization");
  await world.create("key", "", "development", "domain");
  await world.create("key", "other", "development", "another project");
  expect((await world.materialiser.materialise(request(wanted("key")))).problems).toEqual([]);
  expect(await world.placed()).toEqual({ key: "domain" });
  await world.create("key", "demo", "development", "project");
  await world.materialiser.materialise(request(wanted("key")));
  expect(await world.placed()).toEqual({ key: "project" });
});

test("another project's secret is not found", async () => {
  await using world = await startWorld();
  await world.create("key", "other", "development");
  await world.create("key", "demo", "production");
  const { problems } = await world.materialiser.materialise(request(wanted("key")));
  expect(problems).toMatchObject([{ key: "key", reason: 1 }]);
});

test("a group's own secret comes before that of the key alone", async () => {
  await using world = await startWorld();
  await world.create("password", "", "", "plain");
  const ask = request(wanted("password", { group: "db" }));
  await world.materialiser.materialise(ask);
  expect(await world.placed()).toEqual({ password: "plain" });
  await world.create("db_password", "", "", "of the group");
  await world.materialiser.materialise(ask);
  expect(await world.placed()).toEqual({ password: "of the group" });
});

test("a missing secret is named, with the scopes that were searched and the way out, and nothing is made", async () => {
  await using world = await startWorld();
  await world.create("there");
  const { problems } = await world.materialiser.materialise(request(wanted("there"), wanted("gone")));
  expect(problems.map(({ message }) => message)).toEqual([
    'there is no secret "gone": looked in project demo, domain development; domain development; the organization. Make it for all projects with: flyte create secret gone, or for this one with: flyte create secret gone --project demo --domain development',
  ]);
  expect(await world.placed()).toBeUndefined();
});

test.each([
  ["NUL", Buffer.from("a\0b")],
  ["bytes that are no UTF-8", Buffer.from([0xff, 0xfe])],
])("%s can be a file, not an environment variable", async (_, bytes) => {
  await using world = await startWorld();
  const secretSpec = { value: { case: "binaryValue" as const, value: bytes } };
  await world.users.createSecret({ id: { name: "raw" }, secretSpec });
  const { problems } = await world.materialiser.materialise(request(wanted("raw", { asEnv: true })));
  expect(problems).toMatchObject([{ key: "raw", reason: 2, message: expect.stringContaining("mount=") as unknown }]);
  expect((await world.materialiser.materialise(request(wanted("raw")))).problems).toEqual([]);
  const stored = await world.client.get(secrets, pod);
  expect(Buffer.from(stored.data?.["raw"] ?? "", "base64")).toEqual(bytes);
});

test("what does not fit into one Kubernetes Secret is said, not cut", async () => {
  await using world = await startWorld();
  const names = Array.from({ length: 16 }, (_, n) => `large-${n}`);
  for (const name of names) await world.create(name, "", "", "x".repeat(64 << 10));
  const { problems } = await world.materialiser.materialise(request(...names.map((name) => wanted(name))));
  expect(problems).toMatchObject([{ reason: 2, message: expect.stringContaining("1048576 bytes") as unknown }]);
});

test("the Secret is the TaskAction's, and one of somebody else is never touched", async () => {
  await using world = await startWorld();
  await world.create("key");
  await world.materialiser.materialise(request(wanted("key")));
  const { metadata } = await world.client.get(secrets, pod);
  expect(metadata.ownerReferences).toMatchObject([{ kind: "TaskAction", name: "r1-a0", uid: "uid-1" }]);
  const other = world.materialiser.materialise({ ...request(wanted("key")), ownerUid: "uid-2" });
  await expect(other).rejects.toMatchObject({ code: Code.FailedPrecondition });
  expect((await world.client.get(secrets, pod)).metadata.resourceVersion).toBe(metadata.resourceVersion);
});

const podObject: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { ...pod, labels: { [taskSecretLabel]: "true" } },
  spec: { containers: [{ name: "main", image: "busybox" }] },
};

test("the Secret goes when its pod has ended, not before", async () => {
  await using world = await startWorld();
  const stop = new AbortController();
  const running = world.service.run(stop.signal);
  await world.create("key");
  await world.materialiser.materialise(request(wanted("key")));
  await world.client.create(pods, podObject);
  const phase = (name: "Running" | "Succeeded") =>
    world.client.patch(pods, pod, { status: { phase: name } }, { subresource: "status" });
  await phase("Running");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await world.placed()).toEqual({ key: value });
  await phase("Succeeded");
  await expect.poll(() => world.placed()).toBeUndefined();
  stop.abort();
  await running;
});

test("the Secret goes when its pod was deleted before it had ended", async () => {
  await using world = await startWorld();
  const stop = new AbortController();
  const running = world.service.run(stop.signal);
  await world.create("key");
  await world.materialiser.materialise(request(wanted("key")));
  await world.client.create(pods, podObject);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await world.client.delete(pods, pod, { gracePeriodSeconds: 0 });
  await expect.poll(() => world.placed()).toBeUndefined();
  stop.abort();
  await running;
});

test("a Secret whose pod ended unseen, or never came, is found by a later start; a fresh one is left", async () => {
  let now = Date.now();
  await using world = await startWorld({ now: () => now });
  await world.create("key");
  await world.materialiser.materialise(request(wanted("key")));
  const start = async (): Promise<void> => {
    const stop = new AbortController();
    const running = world.service.run(stop.signal);
    await new Promise((resolve) => setTimeout(resolve, 100));
    stop.abort();
    await running;
  };
  await start();
  expect(await world.placed()).toEqual({ key: value });
  now += 11 * 60_000;
  await start();
  expect(await world.placed()).toBeUndefined();
});

test("Secrets are looked for in task namespaces alone, one at a time", async () => {
  await using world = await startWorld();
  const listed: (string | undefined)[] = [];
  const list = world.client.listPages.bind(world.client);
  world.client.listPages = (type, options) => {
    if (type.plural === "secrets") listed.push(options?.namespace);
    return list(type, options);
  };
  const stop = new AbortController();
  const running = world.service.run(stop.signal);
  await expect.poll(() => listed).toEqual([pod.namespace]);
  stop.abort();
  await running;
});
