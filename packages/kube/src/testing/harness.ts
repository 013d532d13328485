import { silentLogger } from "@homeplane/runtime-kit";
import { KubeClient } from "../client.ts";
import { Informer } from "../informer.ts";
import type { InformerOptions } from "../informer-options.ts";
import { pods } from "../resource-types.ts";
import type { Pod } from "../types/pod.ts";
import { FakeApiServer } from "./fake-api-server.ts";
import { seededRandom, settle, VirtualClock } from "./virtual-clock.ts";

export function pod(name: string, phase: "Pending" | "Running" = "Pending", namespace = "ns"): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, annotations: { note: "größer ☃ 🚀" } },
    spec: { nodeName: "n", containers: [{ name: "main" }] },
    status: { phase },
  };
}

export interface Harness extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly server: FakeApiServer;
  readonly client: KubeClient;
  readonly informer: Informer<Pod>;
  readonly stop: () => Promise<void>;
}

/** An informer of pods, running on virtual time against a fake server. */
export function startInformer(
  seed = 1,
  options: Partial<InformerOptions<Pod, Pod>> = {},
  before?: (s: FakeApiServer) => void,
): Harness {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const server = new FakeApiServer(clock, random);
  before?.(server);
  const client = new KubeClient({ transport: server, clock, random, log: silentLogger });
  const informer = new Informer<Pod>({ client, type: pods, clock, random, log: silentLogger, ...options });
  const controller = new AbortController();
  const running = informer.run(controller.signal);
  const stop = async (): Promise<void> => {
    controller.abort(new Error("the test is over"));
    await settle();
    await running;
  };
  return { clock, server, client, informer, stop, [Symbol.asyncDispose]: stop };
}
