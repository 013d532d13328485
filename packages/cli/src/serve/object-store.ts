/** The cluster's object store, reached with the role of our ServiceAccount, and whether both buckets can be used. */
import {
  createPresigner,
  createS3ObjectStore,
  type ObjectStore,
  type Presigner,
  webIdentityCredentials,
} from "@homeplane/object-store";
import { type Logger, type Service, systemClock as clock } from "@homeplane/runtime-kit";
import type { DataPlaneConfig } from "./config.ts";
import type { Check } from "./probes.ts";
import { storeProbe } from "./store-probe.ts";

export interface ClusterStore {
  readonly store: ObjectStore;
  readonly presigner: Presigner;
  readonly buckets: { readonly metadata: string; readonly fastRegistration: string };
  readonly check: Check;
  /** Looks at the buckets now and then. */
  readonly prober: Service;
  close(): Promise<void>;
}

export function openClusterStore({ objectStore }: DataPlaneConfig, component: string, log: Logger): ClusterStore {
  const { region, endpoint, publicEndpoint = endpoint, roleArn, caFile } = objectStore;
  const stsEndpoint = objectStore.stsEndpoint ?? endpoint;
  const { HTTPS_PROXY: proxyUrl, NO_PROXY: except = "" } = process.env;
  const proxy = proxyUrl ? { proxy: { url: proxyUrl, except } } : {};
  const common = { region, clock, random: Math.random, ...(caFile === undefined ? {} : { caFile }), ...proxy };
  const credentials = webIdentityCredentials({
    ...common,
    tokenFile: objectStore.webIdentityTokenFile,
    sessionName: `homeplane-${component}`,
    ...(stsEndpoint === undefined ? {} : { stsEndpoint }),
    ...(roleArn === undefined ? {} : { roleArn }),
  });
  const at = (url: string | undefined) => (url === undefined ? {} : { endpoint: url });
  const store = createS3ObjectStore({ ...common, ...at(endpoint), credentials });
  const presigner = createPresigner({ region, ...at(publicEndpoint), credentials, clock });
  const buckets = { metadata: objectStore.metadataBucket, fastRegistration: objectStore.fastRegistrationBucket };
  const probed = component === "object-store-service" ? Object.values(buckets) : [buckets.metadata];
  return {
    store,
    presigner,
    buckets,
    ...storeProbe({ store, buckets: probed, log, clock }),
    close: async () => {
      await store.close();
      await credentials.close();
    },
  };
}
