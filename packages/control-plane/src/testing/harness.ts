/** The control plane on a port of its own, with real clients, and a data plane that keeps objects in memory. */
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { DataProxyService } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { ProjectService } from "@homeplane/idl/flyteidl2/project/project_service";
import { TaskService } from "@homeplane/idl/flyteidl2/task/task_service";
import { TriggerService } from "@homeplane/idl/flyteidl2/trigger/trigger_service";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import { InternalRunService } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import { SecretService } from "@homeplane/idl/flyteidl2/secret/secret";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { LogService, type ObjectLocation, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { ImageService } from "@homeplane/idl/homeplane/v1/images";
import { SecretService as DataPlaneSecrets } from "@homeplane/idl/homeplane/v1/secrets";
import { OrchestrationService } from "@homeplane/idl/homeplane/v1/orchestration";
import { type Clock, type Logger, silentLogger, systemClock } from "@homeplane/runtime-kit";
import { createControlPlane, ensureProject } from "../control-plane.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { domain, org, project, projectId, taskSpec } from "./sample.ts";

export { domain, org, project, projectId, taskSpec } from "./sample.ts";

export const task = (name?: string) => ({ case: "taskSpec" as const, value: taskSpec(name) });
export const inProject = { case: "projectId" as const, value: projectId };
export const named = (name: string) => ({ case: "runId" as const, value: { project, domain, name } });

function memoryDataPlane() {
  const objects = new Map<string, Uint8Array>();
  const urlOf = (location: ObjectLocation | undefined): string => {
    const { organization, name, domain: inDomain } = location?.project ?? { organization: "", name: "", domain: "" };
    return `s3://bucket-${location?.bucket}/${organization}/${name}/${inDomain}/${location?.path}`;
  };
  const line = { isCut: false };
  /** What a signed URL was asked for. */
  const downloads: string[] = [];
  const secretCalls: unknown[] = [];
  const imageCalls: unknown[] = [];
  const transport = createRouterTransport((router) => {
    router.service(ImageService, {
      checkBuild(request) {
        imageCalls.push(request);
        if (request.specUri.includes("bad")) throw new ConnectError("numpy is missing", Code.InvalidArgument);
        return {};
      },
    });
    router.service(DataPlaneSecrets, {
      createSecret(request) {
        secretCalls.push(request);
        return {};
      },
      listSecrets({ token }) {
        return { secrets: [{ id: { name: "one" } }], token: token === "" ? "next" : "" };
      },
      deleteSecret({ id }) {
        throw new ConnectError(`there is no secret "${id?.name}"`, Code.NotFound);
      },
    });
    router.service(ObjectStoreService, {
      putObject({ location, nativeUrl, content }) {
        const url = nativeUrl || urlOf(location);
        objects.set(url, content);
        return { nativeUrl: url };
      },
      getObject({ nativeUrl }) {
        const content = objects.get(nativeUrl);
        if (content === undefined) throw new ConnectError(nativeUrl, Code.NotFound);
        return { content };
      },
      createUploadUrl: ({ location }) => ({ nativeUrl: urlOf(location), signedUrl: `http://signed/${location?.path}` }),
      createDownloadUrl({ nativeUrl }) {
        if (line.isCut) throw new ConnectError("no tunnel", Code.Unavailable);
        downloads.push(nativeUrl);
        return { signedUrl: `http://signed/${nativeUrl}` };
      },
    });
    router.service(LogService, {
      async *tailLogs({ attempt }, { signal }) {
        yield { logs: [{ lines: [{ message: `attempt ${attempt}\n` }] }] };
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
      },
    });
  });
  return {
    objects,
    downloads,
    line,
    secretCalls,
    imageCalls,
    dataPlane: {
      isAway: () => line.isCut,
      objects: createClient(ObjectStoreService, transport),
      logs: createClient(LogService, transport),
      secrets: createClient(DataPlaneSecrets, transport),
      images: createClient(ImageService, transport),
    },
  };
}

export type Harness = Awaited<ReturnType<typeof startHarness>>;

export async function startHarness(options: { path?: string; now?: () => number; clock?: Clock; log?: Logger } = {}) {
  const store = openSqliteStore(options.path ?? ":memory:");
  await ensureProject(store, project);
  const { dataPlane, ...seen } = memoryDataPlane();
  const controlPlane = createControlPlane({
    config: { org, domains: [domain, "production"], version: "test" },
    store,
    dataPlane,
    clock: options.clock ?? { ...systemClock, now: options.now ?? Date.now },
    log: options.log ?? silentLogger,
  });
  const server = await controlPlane.listen({
    host: "127.0.0.1",
    port: 0,
    fallback: (_, response) => {
      response.statusCode = 418;
      response.end();
    },
  });
  const baseUrl = `http://127.0.0.1:${server.port}`;
  const transport = createConnectTransport({ baseUrl, httpVersion: "1.1" });
  const inside = controlPlane.orchestration;
  return {
    baseUrl,
    store,
    ...seen,
    controlPlane,
    runs: createClient(RunService, transport),
    tasks: createClient(TaskService, transport),
    triggers: createClient(TriggerService, transport),
    projects: createClient(ProjectService, transport),
    data: createClient(DataProxyService, transport),
    secrets: createClient(SecretService, transport),
    orders: createClient(OrchestrationService, inside),
    events: createClient(EventsProxyService, inside),
    internal: createClient(InternalRunService, inside),
    async [Symbol.asyncDispose]() {
      controlPlane.stop();
      await server.close(100);
      await store.close();
    },
  };
}

/** What `call` was refused with. */
export async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ConnectError) return error;
  throw new Error("expected a ConnectError", { cause: error });
}
