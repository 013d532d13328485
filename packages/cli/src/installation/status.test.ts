import { type TaskAction, taskActionCrd, taskActions } from "@homeplane/idl";
import {
  customResourceDefinitions,
  KubeClient,
  namespaces,
  pods,
  type ResourceType,
  type Pod,
  type Transport,
} from "@homeplane/kube";
import { ApiServer, inProcessTransport, openStore } from "@homeplane/kube-embedded";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { installationStatus, statusText } from "./status.ts";

const names = ["executor", "operator", "control-plane"];
const taskActionType: ResourceType<TaskAction> = taskActions;

/** An API server whose proxy to the pods answers as told. */
async function world(answers: Readonly<Record<string, { status: number; body: unknown }>>) {
  const common = { clock: systemClock, random: Math.random, log: silentLogger };
  const stack = new AsyncDisposableStack();
  const store = openStore({ path: ":memory:" });
  stack.defer(() => store.close());
  const api = inProcessTransport(new ApiServer({ ...common, store, podLogs: async function* () {} }));
  const transport: Transport = {
    async request(request) {
      const [, pod] = /\/pods\/([^:/]+):8081\/proxy\/readyz$/.exec(request.path) ?? [];
      if (pod === undefined) return await api.request(request);
      const { status, body } = answers[pod] ?? { status: 404, body: {} };
      const bytes = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
      return {
        status,
        headers: {},
        body: (async function* () {
          yield bytes;
        })(),
      };
    },
    close: () => api.close(),
  };
  const client = new KubeClient({ ...common, transport });
  for (const name of ["union", "demo-development"])
    await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  const addPod = async (component: string, status: Pod["status"]) => {
    const labels = { "app.kubernetes.io/name": component, "app.kubernetes.io/part-of": "homeplane" };
    const metadata = { name: `${component}-1`, namespace: "union", labels };
    const spec = { containers: [{ name: component, image: "x" }] };
    await client.create(pods, { apiVersion: "v1", kind: "Pod", metadata, spec });
    await client.patch(pods, metadata, { status }, { subresource: "status" });
  };
  return {
    client,
    addPod,
    status: () => installationStatus({ client, transport }, "union", names),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const running = (ready: boolean): Pod["status"] => ({
  phase: "Running",
  conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
});
const serving = { state: "serving", checks: { kubernetes: "ok" } };

test("an installation that works is said to, component by component", async () => {
  await using it = await world({
    "executor-1": { status: 200, body: serving },
    "operator-1": { status: 200, body: serving },
  });
  for (const name of ["executor", "operator"]) await it.addPod(name, running(true));
  await it.client.create(customResourceDefinitions, taskActionCrd);
  expect(statusText(await it.status()).split("\n")).toEqual([
    "homeplane in namespace union",
    "  executor  ready      executor-1",
    "  operator  ready      operator-1",
    "  actions: 0 running, 0 waiting",
  ]);
});

test("what keeps a component from working is told in its own words, or those of Kubernetes; what is not there is named", async () => {
  const problem = 'bucket "nowhere": HeadBucket was answered with 404';
  await using it = await world({ "executor-1": { status: 503, body: { ...serving, checks: { store: problem } } } });
  await it.client.create(customResourceDefinitions, taskActionCrd);
  await it.addPod("executor", running(false));
  await it.addPod("control-plane", {
    phase: "Pending",
    containerStatuses: [
      {
        name: "control-plane",
        ready: false,
        restartCount: 0,
        image: "x",
        imageID: "",
        state: { waiting: { reason: "ImagePullBackOff", message: "Back-off pulling image" } },
      },
    ],
  });
  const found = await it.status();
  expect(found.ok).toBe(false);
  expect(found.missing).toEqual(["operator"]);
  expect(found.components.map(({ component, problems }) => [component, ...problems])).toEqual([
    ["control-plane", "container control-plane waits: ImagePullBackOff: Back-off pulling image"],
    ["executor", `store: ${problem}`],
  ]);
});

test("an API server that does not let one ask the pods is not taken for a component's answer", async () => {
  await using it = await world({
    "executor-1": { status: 403, body: { kind: "Status", message: 'pods "executor-1" is forbidden' } },
    "operator-1": { status: 502, body: "no such host" },
  });
  for (const name of ["executor", "operator"]) await it.addPod(name, running(true));
  await it.client.create(customResourceDefinitions, taskActionCrd);
  expect((await it.status()).components.flatMap(({ problems }) => problems)).toEqual([
    'can not be asked (HTTP 403): pods "executor-1" is forbidden',
    "can not be asked (HTTP 502): no such host",
  ]);
});

test("actions that wait say for what", async () => {
  await using it = await world({ "control-plane-1": { status: 200, body: serving } });
  await it.addPod("control-plane", running(true));
  await it.client.create(customResourceDefinitions, taskActionCrd);
  const metadata = { name: "r1-a0", namespace: "demo-development" };
  const spec = { runName: "r1", actionName: "a0", project: "demo", domain: "development", taskTemplate: "AA==" };
  await it.client.create(taskActionType, { apiVersion: "flyte.org/v1", kind: "TaskAction", metadata, spec });
  const message = "exceeded quota: homeplane";
  const lastTransitionTime = "2026-01-01T00:00:00Z";
  const condition = { type: "Progressing" as const, status: "True" as const, reason: "Queued" as const, message };
  const status = { conditions: [{ ...condition, lastTransitionTime }] };
  await it.client.patch(taskActionType, metadata, { status }, { subresource: "status" });
  expect(statusText(await it.status())).toContain(
    "  actions: 0 running, 1 waiting\n    demo-development/r1-a0 QUEUED: exceeded quota: homeplane",
  );
});

test("a namespace without Homeplane is an error with a way out", async () => {
  await using it = await world({});
  await expect(it.status()).rejects.toMatchObject({
    code: "NotInstalled",
    nextStep: expect.stringContaining("helm list"),
  });
});
