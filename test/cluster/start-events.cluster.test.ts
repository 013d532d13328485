/** What a real kubelet says of a pod that it can not start, and what the executor makes of it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { httpTransport, KubeClient, loadKubeconfig, pods } from "@homeplane/kube";
import { silentLogger, systemClock as clock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { observePod } from "../../packages/executor/src/pod/observe.ts";
import { startEvent } from "../../packages/executor/src/reconcile/start-events.ts";
import { judgeStart } from "../../packages/executor/src/reconcile/start-problem.ts";
import { eventually } from "../sdk/eventually.ts";
import { busyboxImage } from "./bootstrap/images.ts";
import { run } from "./bootstrap/run.ts";
import { type ClusterEnvironment, realCluster } from "./real-cluster.ts";

const namespace = "start-events-probe";
const log = silentLogger;

const pod = (name: string, container: object, volumes: readonly object[] = []): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace, name },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: "main", image: busyboxImage, command: ["sleep", "300"], ...container }],
    volumes,
  },
});
const mounting = (name: string, volume: object): object =>
  pod(name, { volumeMounts: [{ name: "it", mountPath: "/it" }] }, [{ name: "it", ...volume }]);

describe("a pod that names what is not there", { timeout: 180_000 }, () => {
  let cluster: ClusterEnvironment;
  let client: KubeClient;
  const kubectl = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...args])).stdout;
  const remove = (): Promise<string> =>
    kubectl("delete", "namespace", namespace, "--ignore-not-found", "--timeout=60s");

  beforeAll(async () => {
    cluster = await realCluster();
    await remove();
    const { kubeconfig } = cluster;
    const transport = httpTransport(await loadKubeconfig(kubeconfig));
    client = new KubeClient({ transport, clock, random: Math.random, log });
    const optional = { configMap: { name: "nope", optional: true } };
    const items = [
      { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
      mounting("config-map", { configMap: { name: "nope" } }),
      mounting("secret", { secret: { secretName: "nope" } }),
      mounting("fine", optional),
      pod("variable", { envFrom: [{ configMapRef: { name: "nope" } }] }),
    ];
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    await run(cluster.kubectl, ["--kubeconfig", kubeconfig, "apply", "-f", "-"], { input: list });
  }, 2_400_000);
  afterAll(remove, 120_000);

  const view = async (name: string) => observePod(await client.get(pods, { namespace, name }), "main");
  const signal = AbortSignal.timeout(600_000);

  test.each([
    ["config-map", 'configmap "nope" not found'],
    ["secret", 'secret "nope" not found'],
  ])("%s: its events say it, and after the grace time that is the task's failure", async (name, words) => {
    const problem = await eventually("an event", 60_000, async () =>
      startEvent({ client, log }, await view(name), signal),
    );
    expect(problem).toMatchObject({ reason: "FailedMount", message: expect.stringContaining(words) });
    expect(judgeStart(problem, false, "p")).toBeUndefined();
    expect(judgeStart(problem, true, "p")).toMatchObject({ kind: "user", final: true, code: "FailedMount" });
    // Its status does not.
    expect((await view(name)).state).toEqual({ kind: "starting", since: expect.any(String) });
  });

  test("in a variable: its status says it, and it fails at once", async () => {
    const problem = await eventually("a reason", 60_000, async () => {
      const { state } = await view("variable");
      return state.kind === "starting" && state.problem;
    });
    expect(problem.message).toContain('configmap "nope" not found');
    expect(judgeStart(problem, false, "p")).toMatchObject({ final: true, code: "CreateContainerConfigError" });
  });

  test("a pod that starts has no problem among its events", async () => {
    await eventually("it runs", 60_000, async () => (await view("fine")).state.kind === "running");
    expect(await startEvent({ client, log }, await view("fine"), signal)).toBeUndefined();
  });
});
