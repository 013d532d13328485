import {
  configMaps,
  type KubeClient,
  type KubeObject,
  limitRanges,
  namespaces,
  networkPolicies,
  type ResourceType,
  resourceQuotas,
  roleBindings,
  serviceAccounts,
} from "@homeplane/kube";
import { expect, test } from "vitest";
import { start, taskActionType, world } from "../testing/world.ts";
import type { NamespaceConfig } from "./config.ts";
import { namespaceDefaults } from "./config.ts";

const namespace = "demo-development";
const full: Partial<NamespaceConfig> = {
  quota: { pods: "10", "requests.cpu": "0.5" },
  limitRange: [{ type: "Container", max: { cpu: "2" } }],
  egress: { ...namespaceDefaults.egress, objectStore: [{ cidr: "0.0.0.0/0", ports: [443] }] },
  trust: async () => "PEM",
};

async function names<T extends KubeObject>(client: KubeClient, type: ResourceType<T>): Promise<string[]> {
  return (await client.list(type, { namespace })).items.map(({ metadata }) => metadata.name).toSorted();
}

async function made(config: Partial<NamespaceConfig> = full) {
  const it = await world({ namespaces: config });
  it.offer(start("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  return it;
}

/** Until the operator has asked nothing for a while. */
async function quiet(it: { requests: string[] }): Promise<void> {
  for (let still = 0, seen = -1; still < 40; still++) {
    if (it.requests.length !== seen) still = 0;
    seen = it.requests.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("the first run of a project's domain finds a namespace with rights, walls, account, quota, limits and trust", async () => {
  await using it = await made();
  const found = await it.client.get(namespaces, { name: namespace });
  expect(found.metadata.labels).toMatchObject({
    "union.ai/namespace-type": "flyte",
    "homeplane.dev/owned-by": "operator",
    "flyte.org/project": "demo",
    "flyte.org/domain": "development",
    "pod-security.kubernetes.io/enforce": "restricted",
  });
  expect(await names(it.client, networkPolicies)).toEqual([
    "homeplane-default-deny",
    "homeplane-dns",
    "homeplane-object-store",
    "homeplane-task-gateway",
  ]);
  const deny = await it.client.get(networkPolicies, { namespace, name: "homeplane-default-deny" });
  expect(deny.spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  expect(await names(it.client, roleBindings)).toContain("union-executor-tasks");
  const account = await it.client.get(serviceAccounts, { namespace, name: "task" });
  expect(account).toMatchObject({
    automountServiceAccountToken: false,
    metadata: { annotations: { "homeplane.dev/cloud-role": "none" } },
  });
  expect((await it.client.get(resourceQuotas, { namespace, name: "homeplane" })).spec?.hard?.pods).toBe("10");
  expect(await names(it.client, limitRanges)).toEqual(["homeplane"]);
  const trust = await it.client.get(configMaps, { namespace, name: "homeplane-trust" });
  expect(trust.data).toEqual({ "ca-bundle.crt": "PEM" });
});

test("a namespace that stands as it should costs an order no call but its own", async () => {
  await using it = await made();
  await quiet(it);
  const before = it.requests.length;
  it.offer(start("r2"));
  await it.until("acknowledged", () => it.acknowledged.length === 2);
  expect(it.requests.slice(before)).toEqual([`POST /apis/flyte.org/v1/namespaces/${namespace}/taskactions`]);
});

const drifts: [string, (client: KubeClient) => Promise<unknown>, (client: KubeClient) => Promise<unknown>, unknown][] =
  [
    [
      "a policy that was deleted",
      (client) => client.delete(networkPolicies, { namespace, name: "homeplane-default-deny" }),
      async (client) => (await names(client, networkPolicies)).includes("homeplane-default-deny"),
      true,
    ],
    [
      "a hole in a policy",
      (client) =>
        client.patch(networkPolicies, { namespace, name: "homeplane-default-deny" }, { spec: { egress: [{}] } }),
      async (client) => (await client.get(networkPolicies, { namespace, name: "homeplane-default-deny" })).spec.egress,
      undefined,
    ],
    [
      "a quota that was raised",
      (client) =>
        client.patch(
          resourceQuotas,
          { namespace, name: "homeplane" },
          { spec: { hard: { pods: "99", services: "1" } } },
        ),
      async (client) => (await client.get(resourceQuotas, { namespace, name: "homeplane" })).spec?.hard,
      { pods: "10", "requests.cpu": "500m" },
    ],
    [
      "a binding to somebody else",
      (client) =>
        client.patch(
          roleBindings,
          { namespace, name: "union-executor-tasks" },
          { subjects: [{ kind: "ServiceAccount", name: "mallory", namespace: "evil" }] },
        ),
      async (client) =>
        (await client.get(roleBindings, { namespace, name: "union-executor-tasks" })).subjects?.[0]?.name,
      "executor",
    ],
    [
      "a binding of another role, which can only be made anew",
      async (client) => {
        const name = { namespace, name: "union-executor-tasks" };
        const { metadata, ...rest } = await client.get(roleBindings, name);
        await client.patch(roleBindings, name, { metadata: { finalizers: [] } });
        await client.delete(roleBindings, name);
        const { labels = {} } = metadata;
        await client.create(roleBindings, {
          ...rest,
          metadata: { ...name, labels },
          roleRef: { ...rest.roleRef, name: "admin" },
        });
      },
      async (client) => (await client.get(roleBindings, { namespace, name: "union-executor-tasks" })).roleRef.name,
      "union-executor-tasks",
    ],
    [
      "an account that hands out tokens again",
      (client) => client.patch(serviceAccounts, { namespace, name: "task" }, { automountServiceAccountToken: true }),
      async (client) => (await client.get(serviceAccounts, { namespace, name: "task" })).automountServiceAccountToken,
      false,
    ],
    [
      "the namespace's level of pod security",
      (client) =>
        client.patch(
          namespaces,
          { name: namespace },
          { metadata: { labels: { "pod-security.kubernetes.io/enforce": "privileged" } } },
        ),
      async (client) =>
        (await client.get(namespaces, { name: namespace })).metadata.labels?.["pod-security.kubernetes.io/enforce"],
      "restricted",
    ],
    [
      "an object that lost our label",
      (client) =>
        client.patch(
          configMaps,
          { namespace, name: "homeplane-trust" },
          {
            metadata: { labels: { "homeplane.dev/owned-by": null } },
            data: { "ca-bundle.crt": "mallory's" },
          },
        ),
      async (client) => (await client.get(configMaps, { namespace, name: "homeplane-trust" })).data,
      { "ca-bundle.crt": "PEM" },
    ],
  ];
test.each(drifts)("%s is put right, without anybody's waiting for it", async (_, drift, look, right) => {
  await using it = await made();
  await quiet(it);
  await drift(it.client);
  await quiet(it);
  expect(await look(it.client)).toEqual(right);
  const before = it.requests.length;
  await quiet(it);
  expect(it.requests.length, "and then there is peace").toBe(before);
});

test("what others put beside ours stays: their labels, their annotations, their pull secrets", async () => {
  await using it = await made({
    ...full,
    serviceAccount: { ...namespaceDefaults.serviceAccount, imagePullSecrets: ["ours"] },
  });
  await quiet(it);
  const name = { namespace, name: "task" };
  await it.client.patch(serviceAccounts, name, {
    metadata: { labels: { theirs: "1" }, annotations: { "example.com/x": "1" } },
    imagePullSecrets: [{ name: "theirs" }],
    automountServiceAccountToken: true,
  });
  await quiet(it);
  const account = await it.client.get(serviceAccounts, name);
  expect(account.automountServiceAccountToken).toBe(false);
  expect(account.imagePullSecrets).toEqual([{ name: "ours" }, { name: "theirs" }]);
  expect(account.metadata.labels).toMatchObject({ theirs: "1" });
  expect(account.metadata.annotations).toMatchObject({ "example.com/x": "1", "homeplane.dev/cloud-role": "none" });
});

test("a namespace's own quota, role and level replace those for all; null means none", async () => {
  const overrides: NamespaceConfig["overrides"] = {
    [namespace]: {
      quota: { pods: "1" },
      limitRange: null,
      annotations: { "eks.amazonaws.com/role-arn": "arn:own" },
      podSecurity: "baseline",
    },
    "demo-production": { quota: null },
  };
  await using it = await made({ ...full, overrides });
  expect((await it.client.get(resourceQuotas, { namespace, name: "homeplane" })).spec?.hard).toEqual({ pods: "1" });
  expect(await names(it.client, limitRanges)).toEqual([]);
  const { metadata } = await it.client.get(serviceAccounts, { namespace, name: "task" });
  expect(metadata.annotations?.["eks.amazonaws.com/role-arn"]).toBe("arn:own");
  const found = await it.client.get(namespaces, { name: namespace });
  expect(found.metadata.labels?.["pod-security.kubernetes.io/enforce"]).toBe("baseline");
});

test("what the configuration no longer asks for goes, at the operator's next start", async () => {
  let left: KubeObject[] = [];
  {
    await using it = await made();
    left = [
      await it.client.get(namespaces, { name: namespace }),
      await it.client.get(resourceQuotas, { namespace, name: "homeplane" }),
    ];
  }
  const [old, quota] = left as [KubeObject, KubeObject];
  await using it = await world({
    first: async (client) => {
      const kept = ({ metadata }: KubeObject) => ({
        name: metadata.name,
        labels: metadata.labels ?? {},
        annotations: metadata.annotations ?? {},
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      });
      await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: kept(old) });
      await client.create(resourceQuotas, { ...quota, metadata: kept(quota) });
    },
  });
  await it.until("gone", async () => (await names(it.client, resourceQuotas)).length === 0);
  expect(await names(it.client, networkPolicies)).toContain("homeplane-default-deny");
});

test("a namespace that somebody else made is not touched, and the run is refused with the way out", async () => {
  await using it = await world({
    first: async (client) => {
      await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    },
  });
  const before = await it.client.get(namespaces, { name: namespace });
  it.offer(start("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  expect(it.acknowledged[0]).toMatchObject({
    errorCode: "NamespaceNotOwned",
    errorMessage: expect.stringContaining(`kubectl label namespace ${namespace} homeplane.dev/owned-by=operator`),
  });
  expect(await it.client.get(namespaces, { name: namespace })).toEqual(before);
  expect(await names(it.client, networkPolicies)).toEqual([]);
  // The way out works.
  await it.client.patch(
    namespaces,
    { name: namespace },
    { metadata: { labels: { "homeplane.dev/owned-by": "operator" } } },
  );
  it.offer(start("r2"));
  await it.until("acknowledged", () => it.acknowledged.length === 2);
  expect(it.acknowledged[1]?.errorCode).toBe("");
  expect(await names(it.client, networkPolicies)).toContain("homeplane-default-deny");
});

test("a namespace of another project is never taken for this one's", async () => {
  await using it = await world({
    first: async (client) => {
      const labels = { "homeplane.dev/owned-by": "operator" };
      const annotations = { "homeplane.dev/project": "other", "homeplane.dev/domain": "development" };
      const metadata = { name: namespace, labels, annotations };
      await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata });
    },
  });
  it.offer(start("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  expect(it.acknowledged[0]?.errorMessage).toContain("it belongs to project other");
});

test("where the API is ours alone, a namespace of an earlier version is taken over", async () => {
  const labels = { "flyte.org/project": "demo", "flyte.org/domain": "development" };
  await using it = await world({
    namespaces: { adopt: true },
    first: async (client) => {
      await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } });
    },
  });
  it.offer(start("r1"));
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  expect(it.acknowledged[0]?.errorCode).toBe("");
});

const existing = (mode: (client: KubeClient) => Promise<void>) =>
  world({
    namespaces: { mode: "existing", components: { namespace: "union", names: ["executor"] }, trust: async () => "PEM" },
    first: mode,
  });

test("in mode existing nothing is written; what lacks is named, and when it is there the run starts", async () => {
  await using it = await existing(async (client) => {
    await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    await client.create(serviceAccounts, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { namespace, name: "task" },
    });
  });
  it.offer(start("r1"));
  await it.waits();
  it.clock.skip(3_000);
  await it.until("told", () => it.told.length > 0);
  expect(it.told[0]).toMatchObject({
    id: { run: { name: "r1" }, name: "a0" },
    attempt: 1,
    clusterEvents: [
      {
        reason: "NamespaceIncomplete",
        message: expect.stringContaining("lacks: RoleBinding union-executor-tasks, ConfigMap homeplane-trust"),
      },
    ],
  });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "union-executor-tasks" };
  const metadata = { namespace, name: "union-executor-tasks" };
  await it.client.create(roleBindings, {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata,
    roleRef,
    subjects: [{ kind: "ServiceAccount", name: "executor", namespace: "union" }],
  });
  await it.client.create(configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace, name: "homeplane-trust" },
    data: { "ca-bundle.crt": "theirs" },
  });
  await it.until("acknowledged", () => it.acknowledged.length === 1);
  expect(it.acknowledged[0]?.errorCode).toBe("");
  expect(it.requests.filter((line) => !line.startsWith("GET"))).toEqual([
    `POST /apis/flyte.org/v1/namespaces/${namespace}/taskactions`,
  ]);
});

test("a namespace that is deleted keeps our rights until nothing of ours is left, and then goes", async () => {
  await using it = await made();
  await it.client.delete(namespaces, { name: namespace });
  await it.until("the walls go first", async () => (await names(it.client, networkPolicies)).length === 0);
  const looks = () => it.requests.filter((line) => line.includes("taskactions?limit=1")).length;
  const before = looks();
  await it.until("looked at twice", () => looks() >= before + 2);
  expect(await names(it.client, roleBindings)).toContain("union-executor-tasks");
  await it.client.patch(taskActionType, { namespace, name: "r1-a0" }, { metadata: { finalizers: [] } });
  await it.until("gone", async () =>
    (await it.client.list(namespaces)).items.every(({ metadata }) => metadata.name !== namespace),
  );
});
