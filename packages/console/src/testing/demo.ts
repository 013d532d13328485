/**
 * The real control plane on a free port with a data plane of the test's: objects in memory, logs that the test writes. Reports arrive over the
 * same orchestration channel as in production.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { createControlPlane, ensureProject, openSqliteStore } from "@homeplane/control-plane";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { LogLineOriginator } from "@homeplane/idl/flyteidl2/logs/dataplane/payload";
import { InputsSchema, OutputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import { InternalRunService } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import { ActionEventSchema, type ErrorInfo_Kind } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { LogService, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { type Logger, Subject, systemClock } from "@homeplane/runtime-kit";
import { consoleHandler } from "../console.ts";

const project = "flytesnacks";
const domain = "development";

export interface Demo {
  readonly url: string;
  createRun(task: string): Promise<string>;
  child(run: string, name: string, parent: string, task: string, group?: string): Promise<void>;
  event(run: string, action: string, event: DemoEvent): Promise<void>;
  end(run: string, action: string, phase: ActionPhase, at?: number, reason?: string): Promise<void>;
  log(run: string, action: string, ...lines: string[]): void;
  endLog(run: string, action: string): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface DemoEvent {
  readonly phase: ActionPhase;
  readonly attempt?: number;
  readonly at?: number;
  readonly error?: { code: string; message: string; kind: ErrorInfo_Kind };
  readonly outputUri?: string;
}

export async function startDemo(log: Logger, port = 0): Promise<Demo> {
  const objects = new Map<string, Uint8Array>();
  const logs = new Map<string, { lines: string[]; ended: boolean }>();
  const changes = new Subject<string>();
  const dataPlane = createRouterTransport((router) => {
    router.service(ObjectStoreService, {
      putObject: ({ location, content }) => {
        const nativeUrl = `s3://metadata/local/${location?.project?.name}/${location?.project?.domain}/${location?.path}`;
        objects.set(nativeUrl, content);
        return { nativeUrl };
      },
      // Another origin than the page's, as an object store is.
      createDownloadUrl: ({ nativeUrl }) => ({
        signedUrl: `http://localhost:${server.port}/console/style.css?of=${encodeURIComponent(nativeUrl)}`,
      }),
      getObject: ({ nativeUrl }) => {
        const content = objects.get(nativeUrl);
        if (content === undefined) throw new ConnectError("no such object", Code.NotFound);
        return { content };
      },
    });
    router.service(LogService, {
      async *tailLogs({ actionId }, { signal }) {
        const key = `${actionId?.run?.name}/${actionId?.name}`;
        let sent = 0;
        for await (const _ of changes.subscribe(key, signal)) {
          const { lines, ended } = logs.get(key) ?? { lines: [], ended: false };
          const fresh = lines.slice(sent).map((message) => ({
            message: `${message}\n`,
            timestamp: timestampFromMs(Date.now()),
            originator: LogLineOriginator.USER,
          }));
          sent = lines.length;
          if (fresh.length > 0) yield { logs: [{ lines: fresh }] };
          if (ended) return;
        }
      },
    });
  });
  const store = openSqliteStore(":memory:");
  await ensureProject(store, project);
  const controlPlane = createControlPlane({
    config: { org: "local", domains: [domain], version: "dev" },
    store,
    dataPlane: {
      objects: createClient(ObjectStoreService, dataPlane),
      logs: createClient(LogService, dataPlane),
      secrets: createClient(SecretService, dataPlane),
    },
    clock: systemClock,
    log,
  });
  const server = await controlPlane.listen({ host: "127.0.0.1", port, fallback: consoleHandler({ log }) });
  const runs = createClient(RunService, controlPlane.clients);
  const internal = createClient(InternalRunService, controlPlane.orchestration);
  const events = createClient(EventsProxyService, controlPlane.orchestration);
  const id = (run: string, name: string) => ({ run: { org: "local", project, domain, name: run }, name });
  const spec = (task: string) =>
    create(TaskSpecSchema, {
      shortName: task,
      environment: { name: "demo" },
      taskTemplate: {
        id: { project, domain, name: `demo.${task}`, version: "a1b2c3" },
        type: "python",
        metadata: { generatesDeck: true },
        target: { case: "container", value: { image: "example.org/demo:1" } },
      },
    });
  const logOf = (run: string, action: string) => {
    const key = `${run}/${action}`;
    const entry = logs.get(key) ?? { lines: [], ended: false };
    logs.set(key, entry);
    return { key, entry };
  };

  return {
    url: `http://127.0.0.1:${server.port}`,
    async createRun(task) {
      const literals = [
        { name: "count", value: integer(3n) },
        { name: "name", value: text("<b>world</b>") },
      ];
      const { run } = await runs.createRun({
        id: { case: "projectId", value: { organization: "", name: project, domain } },
        task: { case: "taskSpec", value: spec(task) },
        inputWrapper: { case: "inputs", value: create(InputsSchema, { literals }) },
        runSpec: { labels: { values: { team: "research" } } },
      });
      return run?.action?.id?.run?.name ?? "";
    },
    async child(run, name, parent, task, group = "") {
      await internal.recordAction({
        actionId: id(run, name),
        parent,
        group,
        inputUri: "",
        spec: { case: "task", value: { spec: spec(task) } },
      });
    },
    async event(run, action, { phase, attempt = 1, at = Date.now(), error, outputUri }) {
      if (outputUri) {
        const outputs = create(OutputsSchema, { literals: [{ name: "o0", value: text("the result") }] });
        objects.set(`${outputUri}/outputs.pb`, toBinary(OutputsSchema, outputs));
      }
      const ended = phase >= ActionPhase.SUCCEEDED && phase <= ActionPhase.TIMED_OUT;
      const event = create(ActionEventSchema, {
        id: id(run, action),
        attempt,
        phase,
        startTime: timestampFromMs(at),
        updatedTime: timestampFromMs(at),
        ...(ended ? { endTime: timestampFromMs(at) } : {}),
        ...(error ? { errorInfo: error } : {}),
        ...(outputUri ? { outputs: { outputUri, reportUri: `${outputUri}/report.html` } } : {}),
        ...(phase >= ActionPhase.RUNNING
          ? { logContext: { primaryPodName: "pod", pods: [{ namespace: "n", podName: "pod" }] } }
          : {}),
      });
      await events.record({ events: [event] });
    },
    async end(run, action, phase, at = Date.now(), reason = "") {
      const status = { phase, attempts: 1, endTime: timestampFromMs(at) };
      await internal.updateActionStatus({ actionId: id(run, action), status, abortReason: reason });
    },
    log(run, action, ...lines) {
      const { key, entry } = logOf(run, action);
      entry.lines.push(...lines);
      changes.publish(key);
    },
    endLog(run, action) {
      const { key, entry } = logOf(run, action);
      entry.ended = true;
      changes.publish(key);
    },
    async [Symbol.asyncDispose]() {
      controlPlane.stop();
      await server.close(100);
      await store.close();
    },
  };
}

const integer = (value: bigint) => ({
  value: {
    case: "scalar" as const,
    value: { value: { case: "primitive" as const, value: { value: { case: "integer" as const, value } } } },
  },
});
const text = (value: string) => ({
  value: {
    case: "scalar" as const,
    value: { value: { case: "primitive" as const, value: { value: { case: "stringValue" as const, value } } } },
  },
});
