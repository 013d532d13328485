/** The operator's namespaces on a real API server, with the rights that the chart gives and no more. */
import { type TaskAction, taskActionCrd, taskActionFinalizer, taskActions } from "@homeplane/idl";
import {
  type ClusterConfig,
  customResourceDefinitions,
  httpTransport,
  KubeClient,
  type KubeObject,
  limitRanges,
  loadKubeconfig,
  namespaces,
  networkPolicies,
  type ResourceType,
  resourceQuotas,
  roleBindings,
  serviceAccounts,
} from "@homeplane/kube";
import { type NamespaceConfig, namespaceDefaults } from "@homeplane/operator";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NamespaceKeeper } from "../../packages/operator/src/namespaces/keeper.ts";
import { manifests } from "../chart/objects.ts";
import { golden } from "../chart/permutations.ts";
import { type ApiServer, startApiServer } from "./api-server.ts";
import { run } from "./bootstrap/run.ts";

const common = { clock: systemClock, random: Math.random, log: silentLogger };
const namespace = "shop-development";
const config: NamespaceConfig = {
  ...namespaceDefaults,
  // Amounts as people write them: the server has a way of its own.
  quota: { pods: "5", "requests.cpu": "0.5" },
  limitRange: [{ type: "Container", max: { cpu: "2" }, default: { memory: "1024Mi" } }],
  egress: { ...namespaceDefaults.egress, objectStore: [{ cidr: "0.0.0.0/0", ports: [443] }] },
  trust: async () => "PEM",
};
const taskActionType: ResourceType<TaskAction> = taskActions;
const kinds = [
  roleBindings,
  networkPolicies,
  serviceAccounts,
  resourceQuotas,
  limitRanges,
] as ResourceType<KubeObject>[];

describe("on a real kube-apiserver, with the accounts' own rights", { timeout: 60_000 }, () => {
  let api: ApiServer;
  let admin: KubeClient;
  let executor: KubeClient;
  let keeper: NamespaceKeeper;
  const stop = new AbortController();
  const never = new AbortController().signal;
  const running: Promise<void>[] = [];
  const stack = new AsyncDisposableStack();

  const clientOf = (cluster: ClusterConfig): KubeClient => {
    const transport = httpTransport(cluster);
    stack.defer(() => transport.close());
    return new KubeClient({ ...common, transport });
  };

  beforeAll(async () => {
    api = stack.use(await startApiServer({ controllers: true }));
    const cluster = await loadKubeconfig(api.kubeconfig);
    admin = clientOf(cluster);
    await admin.create(customResourceDefinitions, taskActionCrd);
    for (const name of ["union", "homeplane-secrets"])
      await admin.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    const rights = ["ClusterRole", "ClusterRoleBinding", "ServiceAccount"];
    const items = manifests(golden("minio")).filter(({ kind }) => rights.includes(kind));
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    await run(api.kubectl, ["--kubeconfig", api.kubeconfig, "apply", "-f", "-"], { input });
    const as = async (name: string): Promise<KubeClient> => {
      const { token } = await admin.createToken({ namespace: "union", name }, { audiences: [] });
      const { certificate: _admins, key: _too, ...server } = cluster;
      return clientOf({ ...server, token: { kind: "static", token } });
    };
    executor = await as("executor");
    keeper = new NamespaceKeeper({ ...common, client: await as("operator"), config });
    running.push(keeper.run(stop.signal));
  }, 1_800_000);

  afterAll(async () => {
    stop.abort();
    await Promise.all(running);
    await stack.disposeAsync();
  });

  const ensured = (): Promise<void> =>
    expect
      .poll(async () => (await keeper.ensure("shop", "development", never)).kind, { timeout: 20_000 })
      .toBe("ready");

  async function versions(): Promise<string[]> {
    const lists = await Promise.all(kinds.map((type) => admin.list(type, { namespace })));
    return lists.flatMap(({ items }) =>
      items.map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`),
    );
  }

  test("the operator makes a namespace whole, binds its own rights first, and then leaves it in peace", async () => {
    await ensured();
    const found = await admin.get(namespaces, { name: namespace });
    expect(found.metadata.labels).toMatchObject({
      "union.ai/namespace-type": "flyte",
      "pod-security.kubernetes.io/enforce": "restricted",
    });
    const names = (await versions()).map((line) => line.split(" ").slice(0, 2).join(" "));
    expect(names).toEqual(
      expect.arrayContaining([
        "RoleBinding union-executor-tasks",
        "NetworkPolicy homeplane-default-deny",
        "ServiceAccount task",
        "ResourceQuota homeplane",
        "LimitRange homeplane",
      ]),
    );
    // The server writes amounts and defaults its own way: that is no drift.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const before = await versions();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await versions()).toEqual(before);
  });

  test("a second operator, as after a restart, finds nothing to write", async () => {
    await ensured();
    const before = await versions();
    const client = clientOf(await loadKubeconfig(api.kubeconfig));
    const second = new NamespaceKeeper({ ...common, client, config });
    expect(await second.ensure("shop", "development", never)).toEqual({ kind: "ready" });
    expect(await versions()).toEqual(before);
  });

  test("drift is put right within seconds: a policy that is gone, a quota that was raised, a binding that was deleted", async () => {
    await ensured();
    await admin.delete(networkPolicies, { namespace, name: "homeplane-default-deny" });
    await admin.patch(resourceQuotas, { namespace, name: "homeplane" }, { spec: { hard: { pods: "500" } } });
    await admin.delete(roleBindings, { namespace, name: "union-executor-tasks" });
    await expect
      .poll(
        async () => {
          const policies = (await admin.list(networkPolicies, { namespace })).items;
          const quota = await admin.get(resourceQuotas, { namespace, name: "homeplane" });
          const bindings = (await admin.list(roleBindings, { namespace })).items;
          return [
            policies.some(({ metadata }) => metadata.name === "homeplane-default-deny"),
            quota.spec?.hard?.pods,
            bindings.some(
              ({ metadata }) => metadata.name === "union-executor-tasks" && metadata.deletionTimestamp === undefined,
            ),
          ];
        },
        { timeout: 10_000 },
      )
      .toEqual([true, "5", true]);
  });

  test("a namespace of somebody else is refused and stays as it is", async () => {
    const name = "other-development";
    await admin.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    expect(await keeper.ensure("other", "development", never)).toMatchObject({ code: "NamespaceNotOwned" });
    expect((await admin.list(networkPolicies, { namespace: name })).items).toEqual([]);
  });

  test("a namespace that is deleted waits for its actions, with the executor's rights intact, then goes and is made anew", async () => {
    await ensured();
    const action = { namespace, name: "r1-a0" };
    await admin.create(taskActionType, {
      apiVersion: "flyte.org/v1",
      kind: "TaskAction",
      metadata: { ...action, finalizers: [taskActionFinalizer] },
      spec: { runName: "r1", actionName: "a0", project: "shop", domain: "development" },
    });
    const { uid } = (await admin.get(namespaces, { name: namespace })).metadata;
    await admin.delete(namespaces, { name: namespace });
    await expect
      .poll(async () => (await admin.list(networkPolicies, { namespace })).items.length, { timeout: 20_000 })
      .toBe(0);
    expect(await keeper.ensure("shop", "development", never)).toMatchObject({ code: "NamespaceTerminating" });
    // It lost nothing with the namespace's contents: it can still look why, and let the action go.
    expect((await executor.get(namespaces, { name: namespace })).metadata.deletionTimestamp).toBeDefined();
    await executor.patch(taskActionType, action, { metadata: { finalizers: [] } });
    await ensured();
    expect((await admin.get(namespaces, { name: namespace })).metadata.uid).not.toBe(uid);
  });
});
