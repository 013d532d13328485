import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node";
import { labels, taskActionCrd, taskActionFinalizer, taskActions, type TaskAction } from "@homeplane/idl";
import { ActionsService, type WatchForUpdatesResponse } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ProjectService } from "@homeplane/idl/flyteidl2/project/project_service";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import { InternalRunService } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import {
  customResourceDefinitions,
  KubeClient,
  namespaces,
  type ResourceType,
  type TokenVerifier,
} from "@homeplane/kube";
import { ApiServer, inProcessTransport, openStore } from "@homeplane/kube-embedded";
import { listenHttp, silentLogger, systemClock } from "@homeplane/runtime-kit";
import { storedTraces } from "../traces.ts";
import { createTaskGateway } from "../task-gateway.ts";

export const taskActionType: ResourceType<TaskAction> = taskActions;
export const namespace = "demo-development";
export const run = { org: "acme", project: "demo", domain: "development", name: "r1" };
export const id = (name: string) => ({ run, name });

/** The gateway on real connections: pods over HTTP/1.1, the control plane behind HTTP too; the API and the store in memory. */
export async function world(
  options: { upstreamFails?: ConnectError; neverSynced?: boolean; tokens?: (client: KubeClient) => TokenVerifier } = {},
) {
  const common = { clock: systemClock, random: Math.random, log: silentLogger };
  const stack = new AsyncDisposableStack();
  const store = openStore({ path: ":memory:" });
  stack.defer(() => store.close());
  const server = new ApiServer({ ...common, store, podLogs: async function* () {} });
  const api = inProcessTransport(server);
  const client = new KubeClient({ ...common, transport: api });
  const hanging = { request: () => new Promise<never>(() => undefined), close: async () => undefined };
  const gatewayClient = options.neverSynced === true ? new KubeClient({ ...common, transport: hanging }) : client;
  await client.create(customResourceDefinitions, taskActionCrd);
  await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });

  const files = new Map<string, Uint8Array>();
  const reported: string[] = [];
  const state = { controlPlaneAway: false, storeAway: false, refuse: "" };
  const report = (what: string, name: string | undefined) => {
    if (state.controlPlaneAway) throw new ConnectError("away", Code.Unavailable);
    if (name === state.refuse) throw new ConnectError("boom", Code.Internal);
    reported.push(`${what} ${name}`);
  };
  const inProcess = createRouterTransport(({ service }) => {
    service(ObjectStoreService, {
      putObject({ nativeUrl, content }) {
        files.set(nativeUrl, content);
        return { nativeUrl };
      },
      createDownloadUrl: ({ nativeUrl }) => ({ signedUrl: `signed:${nativeUrl}` }),
      getObject({ nativeUrl }) {
        if (state.storeAway) throw new ConnectError("away", Code.Unavailable);
        const content = files.get(nativeUrl);
        if (content === undefined) throw new ConnectError(nativeUrl, Code.NotFound);
        return { content };
      },
      listObjects: ({ nativeUrlPrefix }) => ({
        nativeUrls: [...files.keys()].filter((url) => url.startsWith(`${nativeUrlPrefix}/`)),
      }),
    });
    service(EventsProxyService, {
      record({ events }) {
        report("event", events[0]?.id?.name);
        return {};
      },
    });
    service(InternalRunService, {
      recordAction({ actionId }) {
        report("spec", actionId?.name);
        return {};
      },
      updateActionStatus({ actionId }) {
        report("end", actionId?.name);
        return {};
      },
    });
  });

  const seen: (string | null)[] = [];
  const seenTasks: (string | null)[] = [];
  const upstreamServer = await listenHttp({
    host: "127.0.0.1",
    port: 0,
    handler: connectNodeAdapter({
      routes({ service }) {
        service(RunService, {
          getRunDetails(_, { requestHeader }) {
            seen.push(requestHeader.get("x-request-id"), requestHeader.get("authorization"));
            seenTasks.push(requestHeader.get("x-homeplane-task"));
            if (options.upstreamFails !== undefined) throw options.upstreamFails;
            return { details: { action: { status: { attempts: 7 } } } };
          },
          async *watchActionDetails() {
            yield { details: { status: { attempts: 1 } } };
            yield { details: { status: { attempts: 2 } } };
            if (options.upstreamFails !== undefined) throw options.upstreamFails;
          },
        });
        service(ProjectService, {});
      },
    }),
  });
  stack.defer(() => upstreamServer.close(0));

  const objects = createClient(ObjectStoreService, inProcess);
  const startGateway = async () => {
    const gateway = createTaskGateway({
      ...common,
      client: gatewayClient,
      objects,
      orchestration: inProcess,
      upstream: createConnectTransport({ baseUrl: `http://127.0.0.1:${upstreamServer.port}`, httpVersion: "1.1" }),
      interceptors: [],
      ...(options.tokens === undefined
        ? {}
        : { callers: { tokens: options.tokens(client), address: "https://task-gateway.union.svc:8443" } }),
    });
    const stop = new AbortController();
    const running = gateway.service.run(stop.signal);
    const http = await gateway.listen({ host: "127.0.0.1", port: 0 });
    const end = async () => {
      stop.abort();
      await running;
      await http.close(0);
    };
    stack.defer(end);
    return { stop: () => stop.abort(), end, port: http.port };
  };
  let gateway = await startGateway();
  const transport = createConnectTransport({ baseUrl: `http://127.0.0.1:${gateway.port}`, httpVersion: "1.1" });
  const actions = createClient(ActionsService, transport);
  return {
    client,
    files,
    objects,
    storedTraces: async (parent: TaskAction) => {
      const found = [];
      for await (const stored of storedTraces(objects, parent)) found.push(stored);
      return found;
    },
    reported,
    state,
    seen,
    seenTasks,
    url: () => `http://127.0.0.1:${gateway.port}`,
    actions,
    runs: createClient(RunService, transport),
    stopGateway: () => gateway.stop(),
    /** Another process on the same API and store, as after a crash; the first one's clients lead nowhere then. */
    restartGateway: async () => {
      await gateway.end();
      gateway = await startGateway();
    },
    get: (name: string) => client.get(taskActionType, { namespace, name }),
    end: (name: string, phase: "Succeeded" | "Failed", attempts = 1) =>
      client.patch(
        taskActionType,
        { namespace, name },
        {
          status: {
            attempts,
            conditions: [
              {
                type: phase,
                status: "True",
                reason: phase === "Failed" ? "PermanentFailure" : "Completed",
                lastTransitionTime: "2030-01-01T00:00:00Z",
              },
            ],
            ...(phase === "Failed" ? { errorState: { code: "E", kind: "USER", message: "m" } } : {}),
          },
        },
        { subresource: "status" },
      ),
    watch: (signal?: AbortSignal) =>
      actions.watchForUpdates(
        { filter: { case: "parentActionId", value: id("a0") } },
        signal === undefined ? {} : { signal },
      ),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

export async function worldWithParent(
  spec: MessageInitShape<typeof RunSpecSchema> = { overwriteCache: true },
  tokens?: (client: KubeClient) => TokenVerifier,
) {
  const it = await world(tokens === undefined ? {} : { tokens });
  const runSpec = Buffer.from(toBinary(RunSpecSchema, create(RunSpecSchema, spec))).toString("base64");
  await it.client.create(taskActionType, {
    apiVersion: "flyte.org/v1",
    kind: "TaskAction",
    metadata: {
      name: "r1-a0",
      namespace,
      finalizers: [taskActionFinalizer],
      labels: { [labels.run]: "r1", [labels.isRoot]: "true", team: "ml", [labels.terminationStatus]: "x" },
    },
    spec: {
      runName: "r1",
      actionName: "a0",
      project: "demo",
      domain: "development",
      org: "acme",
      runOutputBase: "s3://meta/r1",
      taskType: "python",
      taskTemplate: "",
      envVars: { GREETING: "hello" },
      interruptible: true,
      runSpec,
    },
  });
  return it;
}

export function child(name: string, more: { parent?: string; size?: number } = {}) {
  const container = { image: "x", args: ["x".repeat(more.size ?? 1)] };
  const taskTemplate = { type: "python", target: { case: "container" as const, value: container } };
  return {
    action: {
      actionId: { run: { ...run, org: "127" }, name },
      parentActionName: more.parent ?? "a0",
      inputUri: `s3://meta/r1/${name}/inputs.pb`,
      group: "g",
      spec: { case: "task" as const, value: { spec: { taskTemplate, shortName: "double" }, cacheKey: "k" } },
    },
  };
}

export function trace(name: string) {
  const value = { name, phase: ActionPhase.SUCCEEDED, outputs: { outputUri: `s3://meta/r1/${name}/outputs.pb` } };
  return { action: { actionId: id(name), parentActionName: "a0", spec: { case: "trace" as const, value } } };
}

export async function eventually(what: string, done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (done()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${what}: never`);
}

/** Reads until `done` says so of what has come. */
export async function readUntil(
  stream: AsyncIterable<WatchForUpdatesResponse>,
  done: (texts: string[]) => boolean,
): Promise<string[]> {
  const texts: string[] = [];
  for await (const { message } of stream) {
    if (message.case === "controlMessage") texts.push("sentinel");
    else if (message.case === "actionUpdate")
      texts.push(`${message.value.actionId?.name} ${message.value.phase} ${message.value.outputUri}`);
    if (done(texts)) return texts;
  }
  return [...texts, "end"];
}

export const codeOf = async (call: Promise<unknown>): Promise<Code | "ok"> =>
  call.then(
    () => "ok" as const,
    (error: unknown) => ConnectError.from(error).code,
  );
