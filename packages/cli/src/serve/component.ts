/** A component of the data plane as a process: what all of them have in common. */
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { ConnectRouter } from "@connectrpc/connect";
import type { DescService } from "@bufbuild/protobuf";
import { createTokenVerifier, type KubeClient, type TokenVerifier } from "@homeplane/kube";
import { type HttpHandler, type Logger, rpcErrors, systemClock as clock } from "@homeplane/runtime-kit";
import { type Channel, openControlPlaneChannel, openServiceChannel } from "./channels.ts";
import { type DataPlaneConfig, dataPlaneSchema } from "./config.ts";
import { connectKubernetes } from "./kubernetes.ts";
import { loadConfig } from "./load-config.ts";
import { type ClusterStore, openClusterStore } from "./object-store.ts";
import type { Check } from "./probes.ts";
import { type Parts, runProcess } from "./process.ts";
import { definitionCheck, onceItFits } from "./definition.ts";
import { requireCaller } from "./require-caller.ts";

export interface Context {
  readonly config: DataPlaneConfig;
  readonly client: KubeClient;
  readonly log: Logger;
  readonly tokens: TokenVerifier;
  readonly shared: { readonly clock: typeof clock; readonly random: () => number; readonly log: Logger };
  /** Each is opened once, closed at the end, and told in /readyz. */
  readonly service: (peer: string, url: string) => Channel;
  readonly controlPlane: () => Channel;
  readonly store: () => ClusterStore;
  /** Says that it reads or writes TaskActions: nothing of it works before their definition is seen to fit. */
  readonly needsDefinition: () => void;
  /** For services that named components may call, and nobody else. */
  readonly handler: (
    callers: ReadonlyMap<DescService, readonly string[]>,
    maxBytes: number,
    routes: (router: ConnectRouter) => void,
  ) => HttpHandler;
}

export type Build = (context: Context) => Parts | Promise<Parts>;

export async function runComponent(name: string, path: string, build: Build): Promise<void> {
  await runProcess(
    name,
    async () => ({ ...(await loadConfig(path, dataPlaneSchema)), name }),
    async (config, { log, stack }) => {
      const kubernetes = await connectKubernetes(config, process.env, name, log);
      stack.defer(() => kubernetes.close());
      const { client } = kubernetes;
      const tokens = createTokenVerifier({ client, clock });
      const checks: Check[] = [kubernetes.check];
      const opened = (channel: Channel): Channel => {
        stack.defer(() => channel.close());
        checks.push(channel.check);
        return channel;
      };
      const probers: Parts["services"][number][] = [];
      let definition: Promise<void> = Promise.resolve();
      const context: Context = {
        ...{ config, client, log, tokens },
        shared: { clock, random: Math.random, log },
        service: (peer, url) => opened(openServiceChannel(config, peer, url, log)),
        controlPlane: () => opened(openControlPlaneChannel(config, log)),
        store: () => {
          const opened = openClusterStore(config, name, log);
          stack.defer(() => opened.close());
          checks.push(opened.check);
          probers.push(opened.prober);
          return opened;
        },
        needsDefinition: () => {
          const { check, prober, fits } = definitionCheck({ transport: kubernetes.transport, clock, log });
          checks.push(check);
          probers.push(prober);
          definition = fits;
        },
        handler: (callers, maxBytes, routes) => {
          const { audience } = config.identity;
          const guard = requireCaller({ tokens, audience, namespace: config.namespace, callers, log });
          return connectNodeAdapter({ routes, interceptors: [rpcErrors(log), guard], readMaxBytes: maxBytes });
        },
      };
      const parts = await build(context);
      const services = parts.services.map((service) => onceItFits(service, definition));
      return { ...parts, services: [...probers, ...services], checks: [...checks, ...parts.checks] };
    },
  );
}
