import {
  createPresigner,
  type ObjectStore,
  openFsObjectStore,
  type Presigner,
  startS3Server,
  staticCredentials,
} from "@homeplane/object-store";
import { type Logger, systemClock as clock } from "@homeplane/runtime-kit";
import type { DataDirPaths, StoreCredentials } from "./data-dir.ts";
import { listenNear } from "./ports.ts";

export const buckets = { metadata: "homeplane-metadata", fastRegistration: "homeplane-fast-registration" } as const;
/** What clients that name no region sign for. */
const region = "us-east-1";

export interface EmbeddedObjectStore {
  /** In process, without signatures: what the data plane's own components use. */
  readonly store: ObjectStore;
  readonly presigner: Presigner;
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** A folder, and the S3 server in front of it for everybody outside this process. */
export async function startObjectStore(
  paths: DataDirPaths,
  credentials: StoreCredentials,
  listen: { host: string; port: number },
  log: Logger,
): Promise<EmbeddedObjectStore> {
  const names = Object.values(buckets);
  const store = await openFsObjectStore({ root: paths.objects, buckets: names, clock });
  const common = { store, buckets: names, multipartRoot: paths.multipart, credentials, region, clock, log };
  const server = await listenNear(listen.port, (port) => startS3Server({ ...common, host: listen.host, port }));
  const signing = staticCredentials(credentials);
  const presigner = createPresigner({ endpoint: server.url, region, credentials: signing, clock });
  return { store, presigner, url: server.url, port: server.port, close: () => server.close() };
}

/** How a program reaches the embedded store through the SDK. */
export function storeEnvironment(endpoint: string, credentials: StoreCredentials): Record<string, string> {
  return {
    FLYTE_AWS_ENDPOINT: endpoint,
    FLYTE_AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    FLYTE_AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
}
