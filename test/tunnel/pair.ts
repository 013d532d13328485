/** Both ends of the tunnel over loopback TLS, with a component behind it that keeps objects in memory. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { createTunnelTransport, openClusterTokens, TunnelRegistry, tunnelUpgrade } from "@homeplane/control-plane";
import { LogService, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { ImageService } from "@homeplane/idl/homeplane/v1/images";
import { SecretMaterialiser, SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { ensureCertificates } from "@homeplane/kube-embedded";
import { listenTls, type Logger, silentLogger, systemClock as clock } from "@homeplane/runtime-kit";
import { createTunnelService, type TunnelServiceOptions, type Upstream } from "@homeplane/tunnel-service";

export const cluster = "production";
export const token = "a-token-that-is-long-enough-for-it";
const componentToken = "component";

export interface PairOptions {
  readonly connections?: number;
  readonly pingMs?: number;
  readonly deadMs?: number;
  readonly waitMs?: number;
  readonly drainMs?: number;
  readonly log?: Logger;
  /** Where the dialling end goes: the control plane, or something in between. */
  readonly via?: (port: number) => Promise<number>;
}

/** Called for each PutObject, before it is answered. */
type Hook = (path: string) => Promise<void> | void;

export async function startPair(options: PairOptions = {}) {
  const stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "homeplane-tunnel-"));
  stack.defer(() => rm(dir, { recursive: true }));
  const { ca } = await ensureCertificates({ dir, clock });
  const tokenFile = join(dir, "token");
  await writeFile(tokenFile, `${token}\n`);
  const log = options.log ?? silentLogger;
  const { waitMs, pingMs, deadMs } = options;
  const times = { ...(pingMs === undefined ? {} : { pingMs }), ...(deadMs === undefined ? {} : { deadMs }) };
  const registry = new TunnelRegistry({ clock, log, ...times, ...(waitMs === undefined ? {} : { waitMs }) });
  stack.defer(() => registry.close(100));
  const tokens = await openClusterTokens([{ name: cluster, tokenFile }], { clock, log });
  const tls = { host: "127.0.0.1", port: 0, certFile: join(dir, "server.crt"), keyFile: join(dir, "server.key") };
  const controlPlane = await listenTls({
    ...tls,
    clock,
    log,
    handler: (_, response) => {
      response.statusCode = 404;
      response.end();
    },
    upgrade: tunnelUpgrade({ registry, tokens, log }),
  });
  stack.defer(() => controlPlane.close(100));

  const objects = new Map<string, Uint8Array>();
  const served = { calls: 0, aborted: 0, created: 0, messages: 0 };
  const hooks: { onPut: Hook } = { onPut: () => undefined };
  const adapter = connectNodeAdapter({
    routes: (router) => {
      router.service(ObjectStoreService, {
        async putObject({ nativeUrl, content }) {
          served.calls++;
          await hooks.onPut(nativeUrl);
          objects.set(nativeUrl, content);
          return { nativeUrl };
        },
        getObject({ nativeUrl }) {
          served.calls++;
          const content = objects.get(nativeUrl);
          if (content === undefined) throw new ConnectError(`no object at ${nativeUrl} – none`, Code.NotFound);
          return { content };
        },
      });
      router.service(SecretService, {
        async createSecret({ id }) {
          served.created++;
          await hooks.onPut(id?.name ?? "");
          return {};
        },
      });
      router.service(LogService, {
        async *tailLogs({ attempt }, { signal }) {
          signal.addEventListener("abort", () => served.aborted++);
          for (let sent = 0; sent < attempt; sent++) {
            served.messages++;
            yield { logs: [{ lines: [{ message: "x".repeat(64 << 10) }] }] };
          }
          if (attempt === 0) await new Promise((_, reject) => signal.addEventListener("abort", reject));
        },
      });
    },
  });
  const component = await listenTls({
    ...tls,
    clock,
    log,
    handler: (request, response) => {
      if (request.headers.authorization === `Bearer ${componentToken}`) {
        adapter(request, response);
        return;
      }
      response.statusCode = 401;
      response.end();
    },
  });
  stack.defer(() => component.close(100));
  const upstream: Upstream = {
    url: `https://127.0.0.1:${component.port}`,
    ca: async () => ca,
    token: async () => componentToken,
  };
  const port = (await options.via?.(controlPlane.port)) ?? controlPlane.port;
  const serviceOptions: TunnelServiceOptions = {
    cluster,
    controlPlane: { url: `https://127.0.0.1:${port}`, ca: async () => ca, token: async () => token },
    services: new Map([ObjectStoreService, LogService, SecretService].map(({ typeName }) => [typeName, upstream])),
    absent: new Map([["homeplane.v1.ImageService", "images are not built here"]]),
    clock,
    random: Math.random,
    log,
    connections: options.connections ?? 4,
    drainMs: options.drainMs ?? 2_000,
    ...times,
  };
  const transport = createTunnelTransport(registry, cluster, clock);
  const pair = {
    dir,
    ca,
    tokenFile,
    registry,
    controlPlane,
    component,
    served,
    hooks,
    objects,
    serviceOptions,
    transport,
    client: createClient(ObjectStoreService, transport),
    secrets: createClient(SecretService, transport),
    logs: createClient(LogService, transport),
    images: createClient(ImageService, transport),
    materialiser: createClient(SecretMaterialiser, transport),
    /** Starts the dialling end; stops it at the latest with the pair. */
    dial(own: Partial<TunnelServiceOptions> = {}) {
      const stop = new AbortController();
      const service = createTunnelService({ ...serviceOptions, ...own });
      const stopped = service.run(stop.signal);
      const dialled = {
        service,
        stop: () => {
          stop.abort();
          return stopped;
        },
      };
      stack.defer(dialled.stop);
      return dialled;
    },
    up: (count: number) => until(() => registry.connections(cluster) === count),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
  return pair;
}

export async function until(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not true within ${timeoutMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A TCP proxy in front of a port, whose connections can be cut, or go silent as a broken line does. */
export async function startLine(target: number) {
  const links = new Set<{ readonly near: Socket; readonly far: Socket }>();
  let refusing = false;
  const server = createServer((near) => {
    if (refusing) return void near.destroy();
    const far = createConnection({ host: "127.0.0.1", port: target });
    const link = { near, far };
    links.add(link);
    near.pipe(far);
    far.pipe(near);
    for (const end of [near, far]) {
      end.on("error", () => undefined);
      end.on("close", () => {
        near.destroy();
        far.destroy();
        links.delete(link);
      });
    }
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    links,
    cut: (count = links.size) => [...links].slice(0, count).forEach(({ near }) => near.destroy()),
    /** Nothing passes any more, and neither end is told. */
    silence(count = links.size) {
      for (const { near, far } of [...links].slice(0, count)) {
        near.unpipe(far);
        far.unpipe(near);
        near.pause();
        far.pause();
      }
    },
    refuse(refused: boolean) {
      refusing = refused;
    },
    close: () => {
      for (const { near } of links) near.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
