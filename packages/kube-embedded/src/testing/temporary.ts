import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import type { PodLogs } from "../api/pod-log.ts";
import { type EmbeddedKube, startEmbeddedKube } from "../embedded-kube.ts";

/** A whole embedded Kubernetes in a folder that goes with it. */
export async function temporaryKube(podLogs: PodLogs = async function* () {}): Promise<EmbeddedKube & AsyncDisposable> {
  const dataDir = await mkdtemp(join(tmpdir(), "kube-embedded-"));
  const options = {
    dataDir,
    host: "127.0.0.1",
    port: 0,
    clock: systemClock,
    random: Math.random,
    log: silentLogger,
    podLogs,
  };
  const kube = await startEmbeddedKube(options);
  const stop = new AbortController();
  const running = kube.run(stop.signal);
  return {
    ...kube,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await kube.close();
      await rm(dataDir, { recursive: true });
    },
  };
}
