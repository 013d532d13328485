import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Transport } from "@homeplane/kube";
import type { Clock, Logger, Random } from "@homeplane/runtime-kit";
import { ApiServer } from "./api/api-server.ts";
import type { PodLogs } from "./api/pod-log.ts";
import { ensureCertificates } from "./certs/certificates.ts";
import { ensureTokenKey } from "./certs/token-key.ts";
import { writeKubeconfig } from "./certs/kubeconfig.ts";
import { inProcessTransport } from "./http/in-process-transport.ts";
import { startKubeServer } from "./http/server.ts";
import { openStore } from "./store/sqlite-store.ts";

export interface EmbeddedKubeOptions {
  /** Holds kube.db, certificates and the kubeconfig; made when missing. */
  readonly dataDir: string;
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly podLogs: PodLogs;
}

export interface EmbeddedKube {
  readonly url: string;
  readonly port: number;
  readonly kubeconfigPath: string;
  /** In process: no network, no TLS. */
  readonly transport: Transport;
  readonly apiServer: ApiServer;
  /** Garbage collection and namespace deletion, until `signal` aborts; stop it before {@link close}. */
  run(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Store, API server, HTTPS and kubeconfig in one. What was opened is closed again when a later step fails. */
export async function startEmbeddedKube(options: EmbeddedKubeOptions): Promise<EmbeddedKube> {
  const { dataDir, host, port, clock, random, log, podLogs } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const store = openStore({ path: join(dataDir, "kube.db") });
  const stack = new AsyncDisposableStack();
  stack.defer(() => store.close());
  try {
    const certs = join(dataDir, "certs");
    const apiServer = new ApiServer({ store, clock, random, log, podLogs, tokenKey: await ensureTokenKey(certs) });
    const [certificates] = await Promise.all([ensureCertificates({ dir: certs, clock }), apiServer.ready()]);
    const { ca, server, client } = certificates;
    const transport = inProcessTransport(apiServer);
    stack.defer(() => transport.close());
    const http = await startKubeServer({ apiServer, host, port, tls: { ...server, ca }, log });
    stack.defer(() => http.close());
    const kubeconfigPath = join(dataDir, "kubeconfig");
    await writeKubeconfig({ path: kubeconfigPath, url: http.url, ca, ...client });
    return {
      url: http.url,
      port: http.port,
      kubeconfigPath,
      transport,
      apiServer,
      run: (signal) => apiServer.run(signal),
      close: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
