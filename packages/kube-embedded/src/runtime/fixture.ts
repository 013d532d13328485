/** For tests: a process runtime over the real embedded API server, in a folder of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Container,
  KubeClient,
  namespaces,
  type Pod,
  type PodSpec,
  pods,
  secrets,
  type Transport,
  type TransportRequest,
} from "@homeplane/kube";
import { type Logger, silentLogger, sleep, systemClock } from "@homeplane/runtime-kit";
import { ApiServer } from "../api/api-server.ts";
import { inProcessTransport } from "../http/in-process-transport.ts";
import { openStore } from "../store/sqlite-store.ts";
import type { NodeCapacity } from "./machine.ts";
import { MARK_NODE } from "./container-env.ts";
import { nodeMark, podsFolder } from "./folders.ts";
import { findProcesses } from "./procfs.ts";
import { ProcessRuntime } from "./process-runtime.ts";
import type { ProcessRuntimeOptions } from "./runtime-options.ts";

export const BASE_ENV = { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8" };

export const CAPACITY: NodeCapacity = { cpu: 4, memory: 2 ** 30, disk: 2 ** 40, pods: 4 };

export interface Fixture extends AsyncDisposable {
  readonly client: KubeClient;
  readonly folder: string;
  /** A client of its own; each of its requests first waits for `before`. */
  clientAfter(before: (request: TransportRequest) => Promise<void>): KubeClient;
  /** Starts a runtime over the same folder; the returned function stops it in order. */
  start(options?: Partial<ProcessRuntimeOptions>): () => Promise<void>;
  run(name: string, spec: Partial<PodSpec> & { script?: string }, labels?: Record<string, string>): Promise<Pod>;
  /** The pod when `test` first holds of it (undefined = gone); rejects after 15 s with its last state. */
  until(name: string, test: (pod: Pod | undefined) => boolean): Promise<Pod | undefined>;
  ended(name: string): Promise<Pod>;
  secret(name: string, stringData: Record<string, string>): Promise<void>;
  logs(
    name: string,
    options?: { follow?: boolean; timestamps?: boolean; tailLines?: number; container?: string },
  ): Promise<string>;
}

export const NAMESPACE = "demo-dev";

export async function fixture(log: Logger = silentLogger): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), "homeplane-runtime-"));
  const shared = { clock: systemClock, random: Math.random, log };
  const store = openStore({ path: join(folder, "kube.db") });
  let runtime: ProcessRuntime | undefined;
  const apiServer = new ApiServer({
    ...shared,
    store,
    podLogs: (request) => {
      if (runtime === undefined) throw new Error("no runtime was started");
      return runtime.podLogs(request);
    },
  });
  const transport = inProcessTransport(apiServer);
  const client = new KubeClient({ ...shared, transport });
  await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  const stops: (() => Promise<void>)[] = [];
  const named = (name: string): { namespace: string; name: string } => ({ namespace: NAMESPACE, name });

  const until: Fixture["until"] = async (name, test) => {
    const limit = AbortSignal.timeout(15_000);
    for (;;) {
      const { items } = await client.list(pods, { namespace: NAMESPACE, fieldSelector: `metadata.name=${name}` });
      const pod = items[0];
      if (test(pod)) return pod;
      if (limit.aborted) throw new Error(`the pod did not get there: ${JSON.stringify(pod, null, 1)}`);
      await sleep(systemClock, 10);
    }
  };
  return {
    client,
    folder,
    until,
    clientAfter(before) {
      const request: Transport["request"] = async (one) => {
        await before(one);
        return await transport.request(one);
      };
      return new KubeClient({ ...shared, transport: { request, close: () => transport.close() } });
    },
    start(options = {}) {
      const stop = new AbortController();
      runtime = new ProcessRuntime({
        ...shared,
        client,
        dataDir: folder,
        nodeName: "local",
        baseEnv: BASE_ENV,
        capacity: CAPACITY,
        ...options,
      });
      const running = runtime.run(stop.signal);
      const end = async (): Promise<void> => {
        stop.abort();
        await running;
      };
      stops.push(end);
      return end;
    },
    run(name, { script, ...spec }, labels = {}) {
      const main: Container = {
        name: "main",
        image: "none",
        ...(script === undefined ? {} : { command: ["/bin/sh", "-c", script] }),
      };
      return client.create(pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { ...named(name), labels },
        spec: { restartPolicy: "Never", containers: [main], terminationGracePeriodSeconds: 2, ...spec },
      });
    },
    async secret(name, stringData) {
      await client.create(secrets, { apiVersion: "v1", kind: "Secret", metadata: named(name), stringData });
    },
    async ended(name) {
      const pod = await until(name, (one) => one?.status?.phase === "Succeeded" || one?.status?.phase === "Failed");
      if (pod === undefined) throw new Error(`pod ${name} is gone`);
      return pod;
    },
    async logs(name, options = {}) {
      const chunks: Uint8Array[] = [];
      const all = { ...options, signal: AbortSignal.timeout(15_000) };
      for await (const chunk of client.podLog(named(name), all)) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    },
    async [Symbol.asyncDispose]() {
      for (const stop of stops) await stop();
      await transport.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Live processes that belong to pods of this folder. */
export function processesPrinting(folder: string): Promise<readonly number[]> {
  return findProcesses({ mark: `${MARK_NODE}=${nodeMark(folder)}`, logFolder: podsFolder(folder) });
}
