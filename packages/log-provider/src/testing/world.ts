/** An embedded Kubernetes API in memory, a fake node behind its logs, a bucket in a temporary folder, and the log provider. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient, createRouterTransport } from "@connectrpc/connect";
import { labels, logsFinalizer } from "@homeplane/idl";
import type { TailLogsRequest, TailLogsResponse } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { LogService } from "@homeplane/idl/homeplane/v1/dataplane";
import { type ContainerStatus, isNotFound, KubeClient, namespaces, type Pod, pods } from "@homeplane/kube";
import { ApiServer, inProcessTransport, openStore } from "@homeplane/kube-embedded";
import { type ObjectStore, openFsObjectStore, readAll } from "@homeplane/object-store";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { createLogProvider } from "../log-provider.ts";
import type { LogProviderOptions } from "../options.ts";
import { FakeNode } from "./fake-node.ts";

export const namespace = "shop-dev";
export const bucket = "metadata";
const signal = (): AbortSignal => AbortSignal.timeout(15_000);

export interface World extends AsyncDisposable {
  readonly node: FakeNode;
  readonly client: KubeClient;
  readonly store: ObjectStore;
  readonly logs: Client<typeof LogService>;
  /** Starts, or starts anew as after a crash, the archiver. */
  startArchiver(): void;
  stopArchiver(): Promise<void>;
}

export async function startWorld(options: Partial<LogProviderOptions> & { archiver?: boolean } = {}): Promise<World> {
  const stack = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), "log-provider-"));
  stack.defer(() => rm(root, { recursive: true, force: true }));
  const clock = systemClock;
  // No jitter at all: every wait is the shortest.
  const random = (): number => 0;
  const log = silentLogger;
  const node = new FakeNode();
  const database = openStore({ path: ":memory:" });
  stack.defer(() => database.close());
  const apiServer = new ApiServer({ store: database, clock, random, log, podLogs: node.podLogs });
  await apiServer.ready();
  const client = new KubeClient({ transport: inProcessTransport(apiServer), clock, random, log });
  await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  const store = await openFsObjectStore({ root, buckets: [bucket], clock });
  const common = { client, store, bucket, org: "acme", cluster: "test", clock, random, log, pollMs: 20, stallMs: 50 };
  let provider = createLogProvider({ ...common, ...options });
  const transport = createRouterTransport((router) => router.service(LogService, provider.service));
  let running: { stop: AbortController; done: Promise<void> } | undefined;
  const world = {
    node,
    client,
    store,
    logs: createClient(LogService, transport),
    startArchiver() {
      const stop = new AbortController();
      running = { stop, done: provider.archiver.run(stop.signal) };
    },
    async stopArchiver() {
      running?.stop.abort(new Error("the test is over"));
      await running?.done;
      running = undefined;
      provider = createLogProvider({ ...common, ...options });
    },
    async [Symbol.asyncDispose]() {
      await world.stopArchiver();
      await stack.disposeAsync();
    },
  };
  if (options.archiver !== false) world.startArchiver();
  return world;
}

export interface PodPart {
  readonly name?: string;
  readonly action?: string;
  readonly attempt?: number;
  readonly containers?: readonly string[];
}

export async function createPod(world: World, part: PodPart = {}): Promise<Pod> {
  const { name = "run1-a0-12345678-1-0", action = "a0", attempt = 1, containers = ["main"] } = part;
  return await world.client.create(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      finalizers: [logsFinalizer],
      labels: {
        [labels.managed]: "true",
        [labels.project]: "shop",
        [labels.domain]: "dev",
        [labels.run]: "run1",
        [labels.action]: action,
        [labels.attempt]: String(attempt),
      },
    },
    spec: {
      nodeName: "local",
      restartPolicy: "Never",
      containers: containers.map((one) => ({ name: one, image: "x" })),
    },
  });
}

export type Phase = "Running" | "Succeeded" | "Failed";

/** What the node would write: all containers run, or have ended. */
export async function setPhase(world: World, name: string, phase: Phase): Promise<void> {
  const pod = await world.client.get(pods, { namespace, name });
  const at = new Date().toISOString();
  const state =
    phase === "Running"
      ? { running: { startedAt: at } }
      : { terminated: { exitCode: phase === "Failed" ? 1 : 0, startedAt: at, finishedAt: at, containerID: "id" } };
  const containerStatuses = pod.spec.containers.map(
    (one): ContainerStatus => ({
      name: one.name,
      state,
      ready: false,
      restartCount: 0,
      image: "x",
      imageID: "",
      containerID: "id",
    }),
  );
  await world.client.patch(
    pods,
    { namespace, name },
    { status: { phase, containerStatuses } },
    { subresource: "status" },
  );
}

/** Whole lines from second `from` on, one a second. */
export function lines(from: number, ...texts: string[]): string[] {
  return texts.map(
    (text, n) => `${new Date(Date.UTC(2026, 0, 1, 0, 0, from + n)).toISOString().slice(0, 19)}.000000001Z ${text}\n`,
  );
}

export const request = (more: Partial<TailLogsRequest> = {}): Parameters<Client<typeof LogService>["tailLogs"]>[0] => ({
  actionId: { run: { org: "ignored", project: "shop", domain: "dev", name: "run1" }, name: "a0" },
  attempt: 1,
  ...(more as object),
});

export const textOf = (messages: readonly TailLogsResponse[]): string =>
  messages.flatMap(({ logs }) => logs.flatMap((one) => one.lines.map((line) => line.message))).join("");

export async function readAllLogs(world: World, of = request()): Promise<TailLogsResponse[]> {
  const messages: TailLogsResponse[] = [];
  for await (const message of world.logs.tailLogs(of, { signal: signal() })) messages.push(message);
  return messages;
}

/** Resolves when `check` holds; fails after 30 s. */
export async function eventually(check: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error("it never came to hold");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function podOf(world: World, name: string): Promise<Pod | undefined> {
  try {
    return await world.client.get(pods, { namespace, name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Until the archiver has let the pod go. */
export async function released(world: World, name: string): Promise<void> {
  await eventually(async () => !(await podOf(world, name))?.metadata.finalizers?.includes(logsFinalizer));
}

export async function archived(world: World, key: string): Promise<Buffer> {
  const { body } = await world.store.get(bucket, key);
  return Buffer.from(await readAll(body, 1 << 30));
}

export async function remove(world: World, name: string): Promise<void> {
  await world.client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 });
}
