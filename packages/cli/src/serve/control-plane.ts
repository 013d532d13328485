/** The control plane as a process of its own: the data plane dials in by TLS, clients come over the machine's, or the pod's, loopback. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { consoleHandler } from "@homeplane/console";
import {
  type ControlPlane,
  createControlPlane,
  createTunnelTransport,
  ensureProject,
  openClusterTokens,
  TunnelRegistry,
} from "@homeplane/control-plane";
import { LogService, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { ImageService } from "@homeplane/idl/homeplane/v1/images";
import { SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { type Logger, type Service, systemClock as clock } from "@homeplane/runtime-kit";
import type { z } from "zod";
import { openDatabase } from "../up/database.ts";
import { version } from "../version.ts";
import { clustersPage } from "./clusters-page.ts";
import { controlPlaneSchema } from "./control-plane-config.ts";
import { loadConfig } from "./load-config.ts";
import { type Building, type Parts, runProcess } from "./process.ts";

const loopback = "127.0.0.1";
/** For calls under way when the process stops. */
const closeGraceMs = 10_000;

export async function runControlPlane(path: string): Promise<void> {
  const name = "control-plane";
  await runProcess(name, async () => ({ ...(await loadConfig(path, controlPlaneSchema)), name }), buildControlPlane);
}

/** Its server with TLS is the process's. */
async function buildControlPlane(config: z.infer<typeof controlPlaneSchema>, { log, stack }: Building): Promise<Parts> {
  const { org, domains, clusters, listen, dataDir } = config;
  const component = (name: string): Logger => log.child({ component: name });
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const database = openDatabase(join(dataDir, "control-plane.sqlite"), { durable: true, exclusive: true });
  stack.defer(() => database.close());
  await ensureProject(database, config.project);
  const tokens = await openClusterTokens(clusters, { clock, log });
  const registry = new TunnelRegistry({ clock, log });
  // One data plane so far, as the configuration says.
  const cluster = clusters[0]?.name ?? "";
  const tunnel = createTunnelTransport(registry, cluster, clock);
  const controlPlane = createControlPlane({
    config: { org, domains, version },
    store: database,
    dataPlane: {
      objects: createClient(ObjectStoreService, tunnel),
      logs: createClient(LogService, tunnel),
      secrets: createClient(SecretService, tunnel),
      images: createClient(ImageService, tunnel),
      isAway: () => registry.connections(cluster) === 0,
    },
    clock,
    log,
  });
  const fallback = clustersPage(
    () => connections(controlPlane, registry, clusters),
    consoleHandler({ log: component("console") }),
  );
  const clients = await controlPlane.listen({ host: loopback, port: listen.clientPort, fallback });
  stack.defer(() => clients.close(closeGraceMs));
  log.info({ event: "clients.listening", host: loopback, port: clients.port });
  const channels: Service = {
    name: "channels",
    run: async (signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      // Watches and log streams have no end of their own.
      controlPlane.stop();
      await registry.close(closeGraceMs);
    },
  };
  const dataPlane = (): string | undefined =>
    clusters
      .filter(({ name }) => registry.connections(name) === 0)
      .map(({ name }) => `the data plane "${name}" has no tunnel to here`)
      .join("; ") || undefined;
  return {
    services: [controlPlane.scheduler, channels],
    checks: [{ name: "data plane", informs: true, problem: dataPlane }],
    ...controlPlane.door({ tokens, registry }),
  };
}

function connections(controlPlane: ControlPlane, registry: TunnelRegistry, configured: readonly { name: string }[]) {
  const seen = new Map(controlPlane.clusters().map((cluster) => [cluster.name, cluster]));
  return configured.map(({ name }) => {
    const { connected = false, version: dataPlaneVersion = "", heardAt } = seen.get(name) ?? {};
    return {
      name,
      connected,
      version: dataPlaneVersion,
      lastHeard: heardAt === undefined ? undefined : new Date(heardAt).toISOString(),
      tunnelConnections: registry.connections(name),
    };
  });
}
