/**
 * Each component as a process of its own, with its own ServiceAccount, certificate and configuration file, on a real API server. Nobody runs pods here: the
 * test plays the kubelet by writing a pod's status.
 */
import { connect } from "node:tls";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import type { TaskAction } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { DataProxyService } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { ActionsService } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { LogService, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { SecretMaterialiser, SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { leases, type Pod, pods, type ResourceType } from "@homeplane/kube";
import { openGrpcChannel, systemClock as clock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiServer, startApiServer } from "../api-server.ts";
import { eventually } from "../../sdk/eventually.ts";
import { dataPlane, type SplitHomeplane, splitHomeplane } from "./split-homeplane.ts";

const project = { organization: "homeplane", name: "flytesnacks", domain: "development" };
const namespace = "flytesnacks-development";
const taskActions: ResourceType<TaskAction> = {
  ...{ group: "flyte.org", version: "v1", plural: "taskactions", kind: "TaskAction", namespaced: true },
};

describe("components as processes", { timeout: 120_000 }, () => {
  let api: ApiServer;
  let split: SplitHomeplane;
  const stack = new AsyncDisposableStack();

  beforeAll(async () => {
    api = stack.use(await startApiServer({ controllers: true }));
    split = stack.use(await splitHomeplane(api));
    for (const process of Object.values(split.processes)) process.start();
    for (const process of Object.values(split.processes)) await process.untilReady();
  }, 1_800_000);
  afterAll(() => stack.disposeAsync());

  const clients = (): Transport => createConnectTransport({ baseUrl: split.controlPlaneUrl, httpVersion: "1.1" });

  /** A component's services, as somebody with this token. */
  const as = (url: string, token: string | undefined): Transport => {
    const headers = async (): Promise<Record<string, string>> =>
      token === undefined ? {} : { authorization: `Bearer ${token}` };
    const channel = openGrpcChannel({
      ...{ url, peer: "the component", ca: async () => split.ca.cert, headers },
      ...{ clock, random: Math.random },
    });
    stack.defer(() => channel.close());
    return channel.transport;
  };
  const codeOf = async (call: Promise<unknown>): Promise<string> => {
    const error: unknown = await call.then(
      () => "no error",
      (thrown: unknown) => thrown,
    );
    return error instanceof ConnectError ? `${Code[error.code]}: ${error.rawMessage}` : String(error);
  };

  async function startRun(): Promise<{ run: string; pod: Pod }> {
    const container = { image: "registry.example/task:1", command: ["true"] };
    const id = { org: project.organization, project: project.name, domain: project.domain, name: "raw", version: "v1" };
    const value = create(TaskSpecSchema, {
      shortName: "raw",
      taskTemplate: { id, type: "raw-container", target: { case: "container", value: container } },
    });
    const runs = createClient(RunService, clients());
    const { run } = await runs.createRun({
      id: { case: "projectId", value: project },
      task: { case: "taskSpec", value },
    });
    const name = run?.action?.id?.run?.name ?? "";
    const pod = await eventually("its pod is there", 60_000, async () => {
      const { items } = await split.client
        .list(pods, { namespace, labelSelector: `flyte.org/run=${name}` })
        .catch(() => ({ items: [] }));
      return items[0];
    });
    return { run: name, pod };
  }

  async function phaseOf(name: string): Promise<ActionPhase | undefined> {
    const run = { org: project.organization, project: project.name, domain: project.domain, name };
    const { details } = await createClient(RunService, clients()).getRunDetails({ runId: run });
    return details?.action?.status?.phase;
  }

  test("a run goes from the control plane over the operator to a TaskAction, over the executor to a pod, and its end comes back", async () => {
    const { run, pod } = await startRun();
    expect(pod.spec?.serviceAccountName).toBe("task");
    expect(pod.spec?.automountServiceAccountToken).toBe(false);
    const { items } = await split.client.list(taskActions, { namespace, labelSelector: `flyte.org/run=${run}` });
    expect(items.map(({ spec }) => spec.actionName)).toEqual(["a0"]);

    const now = new Date().toISOString();
    const terminated = { exitCode: 7, reason: "Error", message: "out of luck", startedAt: now, finishedAt: now };
    const main = pod.spec?.containers[0]?.name ?? "";
    const containerStatuses = [
      { name: main, image: "i", imageID: "", ready: false, restartCount: 0, state: { terminated } },
    ];
    const object = { namespace, name: pod.metadata.name };
    await split.client.patch(
      pods,
      object,
      { status: { phase: "Failed", containerStatuses } },
      { subresource: "status" },
    );
    await eventually(
      "the control plane knows its end",
      90_000,
      async () => (await phaseOf(run)) === ActionPhase.FAILED,
    );
  });

  test("what clients store through the tunnel arrives: an upload's URL is good, with the component's own role", async () => {
    const content = Buffer.from("code");
    const { createHash } = await import("node:crypto");
    const { signedUrl, headers } = await createClient(DataProxyService, clients()).createUploadLocation({
      ...{ org: project.organization, project: project.name, domain: project.domain },
      filename: "code.tgz",
      contentMd5: createHash("md5").update(content).digest(),
    });
    const answer = await fetch(signedUrl, { method: "PUT", body: content, headers });
    expect(answer.status).toBe(200);
    expect([...split.store.assumedBy]).toEqual(
      expect.arrayContaining(
        ["executor", "object-store-service", "log-provider"].map((name) => `system:serviceaccount:union:${name}`),
      ),
    );
    expect(split.store.assumedBy).not.toContain("system:serviceaccount:union:task-gateway");
  });

  describe("who may call whom", () => {
    const call = {
      "object-store-service": (transport: Transport) =>
        createClient(ObjectStoreService, transport).getObject({
          nativeUrl: "s3://homeplane-metadata/homeplane/flytesnacks/development/none",
        }),
      "secret-service": (transport: Transport) => createClient(SecretService, transport).listSecrets({}),
      materialiser: (transport: Transport) => createClient(SecretMaterialiser, transport).materialise({}),
      "log-provider": async (transport: Transport) => {
        for await (const _ of createClient(LogService, transport).tailLogs({})) break;
      },
      "task-gateway": (transport: Transport) => createClient(ActionsService, transport).enqueue({}),
    };
    const urlOf = (name: keyof typeof call): string =>
      split.urls[name === "materialiser" ? "secret-service" : name] ?? "";
    const names = Object.keys(call) as (keyof typeof call)[];

    test.each(names)("%s: without a token UNAUTHENTICATED, whatever is asked", async (name) => {
      expect(await codeOf(call[name](as(urlOf(name), undefined)))).toMatch(
        /^Unauthenticated: send "authorization: Bearer/,
      );
    });

    test.each(names)(
      "%s: a token for somebody else is UNAUTHENTICATED, and the answer says for whom it is",
      async (name) => {
        const token = await split.token("tunnel-service", "sts.amazonaws.com");
        expect(await codeOf(call[name](as(urlOf(name), token)))).toMatch(
          /^Unauthenticated: the token is for audience "sts.amazonaws.com", not "homeplane/,
        );
      },
    );

    test.each([
      ["object-store-service", "executor"],
      ["secret-service", "executor"],
      ["materialiser", "tunnel-service"],
      ["materialiser", "task-gateway"],
      ["log-provider", "task-gateway"],
    ] as const)("%s: %s is PERMISSION_DENIED by name", async (name, account) => {
      const token = await split.token(account, "homeplane");
      expect(await codeOf(call[name](as(urlOf(name), token)))).toMatch(
        new RegExp(`^PermissionDenied: system:serviceaccount:union:${account} may not call homeplane.v1`),
      );
    });

    test("those who may get an answer", async () => {
      const [gateway, executor] = [
        await split.token("task-gateway", "homeplane"),
        await split.token("executor", "homeplane"),
      ];
      expect(await codeOf(call["object-store-service"](as(urlOf("object-store-service"), gateway)))).toMatch(
        /^NotFound/,
      );
      expect(await codeOf(call.materialiser(as(urlOf("materialiser"), executor)))).not.toMatch(/Denied|Unauth|Unavail/);
    });
  });

  test("TLS 1.1 is refused, 1.2 is not; both protocols are offered", async () => {
    const handshake = (options: object): Promise<string> =>
      new Promise((resolve) => {
        const port = Number(new URL(split.urls["secret-service"] ?? "").port);
        const socket = connect({ host: "127.0.0.1", port, ca: split.ca.cert, ...options }, () => {
          resolve(`${socket.getProtocol()} ${socket.alpnProtocol}`);
          socket.destroy();
        });
        socket.once("error", (error) => resolve(error.message));
      });
    const old = { maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" };
    expect(await handshake(old)).not.toMatch(/^TLSv/);
    expect(await handshake({ maxVersion: "TLSv1.2", ALPNProtocols: ["http/1.1"] })).toBe("TLSv1.2 http/1.1");
    expect(await handshake({ ALPNProtocols: ["h2", "http/1.1"] })).toBe("TLSv1.3 h2");
  });

  test("a certificate that is renewed on disk is served without a restart", async () => {
    const { pid } = split.processes["log-provider"];
    const shown = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const port = Number(new URL(split.urls["log-provider"] ?? "").port);
        const socket = connect({ host: "127.0.0.1", port, ca: split.ca.cert }, () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
        socket.once("error", reject);
      });
    const before = await shown();
    await split.renewCertificate("log-provider");
    await eventually("another certificate is shown", 30_000, async () => (await shown()) !== before);
    expect(split.processes["log-provider"].pid).toBe(pid);
  });

  test("metrics are Prometheus text, and say that the component works", async () => {
    const text = await split.processes.executor.get("/metrics");
    expect(text).toMatch(/^process_resident_memory_bytes\{component="executor"\} \d/m);
    expect(text).toContain('homeplane_ready{component="executor"} 1');
    expect(JSON.parse(await split.processes.executor.get("/healthz"))).toEqual({ alive: true });
  });

  test("with the control plane away all stay ready, say so once, and pods go on; afterwards it knows everything", async () => {
    const { run, pod } = await startRun();
    const controlPlane = split.processes["control-plane"];
    const before = split.processes.operator.lines().length;
    expect(await controlPlane.stop()).toBe(0);
    const object = { namespace, name: pod.metadata.name };
    const now = new Date().toISOString();
    const state = { terminated: { exitCode: 3, reason: "Error", startedAt: now, finishedAt: now } };
    const main = pod.spec?.containers[0]?.name ?? "";
    const containerStatuses = [{ name: main, image: "i", imageID: "", ready: false, restartCount: 0, state }];
    await split.client.patch(
      pods,
      object,
      { status: { phase: "Failed", containerStatuses } },
      { subresource: "status" },
    );
    await eventually(
      "the operator has noticed",
      30_000,
      async () => (await split.processes.operator.readiness()).checks["control plane"] !== "ok",
    );
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    for (const name of dataPlane.filter((one) => one !== "tunnel-service")) {
      expect((await split.processes[name].readiness()).ready, name).toBe(true);
    }
    const lost = split.processes.operator
      .lines()
      .slice(before)
      .filter(({ event }) => event === "channel.lost");
    expect(lost).toHaveLength(1);
    expect(lost[0]?.["problem"]).toMatch(/^the control plane at https:\/\/127.0.0.1:\d+ does not answer: /);
    controlPlane.start();
    await controlPlane.untilReady();
    await eventually("it knows the end", 90_000, async () => (await phaseOf(run)) === ActionPhase.FAILED);
  });

  test("of two executors one stands by, ready; it takes over as soon as the other one stops", async () => {
    const first = split.processes.executor;
    const second = stack.use(await split.replica("executor"));
    second.start();
    await second.untilReady();
    expect((await second.readiness()).checks["lease"]).toMatch(/^standing by/);
    const holder = async (): Promise<string> =>
      (await split.client.get(leases, { namespace: "union", name: "executor" })).spec?.holderIdentity ?? "";
    const before = await holder();
    expect(await first.stop()).toBe(0);
    await eventually("the second leads", 10_000, async () => (await second.readiness()).checks["lease"] === "ok");
    expect(await holder()).not.toBe(before);
    expect((await startRun()).pod.metadata.name).not.toBe("");
    first.start();
    await first.untilReady();
    expect(await second.stop()).toBe(0);
  });

  test.each([
    [{ objectStore: { metadataBucket: "homeplane-nowhere" } }, /homeplane-nowhere/],
    [{ objectStore: { webIdentityTokenFile: "/nowhere/token" } }, /\/nowhere\/token/],
  ])("%j: not ready, and the reason is told", async (change, reason) => {
    await using process = await split.replica("object-store-service", change);
    process.start();
    const told = await eventually("it says why", 60_000, async () => {
      const { ready, checks } = await process
        .readiness()
        .catch(() => ({ ready: true, checks: {} as Record<string, string> }));
      return !ready && reason.test(checks["objectStore"] ?? "") ? checks["objectStore"] : undefined;
    });
    expect(told).toMatch(reason);
    expect(process.lines().filter(({ event }) => event === "store.unusable")).toHaveLength(1);
  });

  test.each([
    [{ tls: { certFile: "/nowhere/tls.crt" } }, "FileUnusable", /\/nowhere\/tls.crt/],
    [{ cluster: "No Name" }, "InvalidConfig", /cluster: must be a name/],
    [{ kubeconfig: "/nowhere/kubeconfig" }, "kube.kubeconfig_unreadable", /\/nowhere\/kubeconfig/],
  ])("%j: ends with 1, and its last line says what to do", async (change, code, reason) => {
    await using process = await split.replica("secret-service", change);
    process.start();
    expect(await process.ended()).toBe(1);
    expect(process.lines().at(-1)).toMatchObject({
      event: "process.failed",
      code,
      error: expect.stringMatching(reason) as string,
    });
  });
});
