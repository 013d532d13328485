/** The cluster's object store, reached with the role of our ServiceAccount, and whether both buckets can be used. */
import {
  type BucketProblem,
  checkBucket,
  createPresigner,
  createS3ObjectStore,
  type ObjectStore,
  type Presigner,
  webIdentityCredentials,
} from "@homeplane/object-store";
import { type Logger, messageOf, pause, type Service, systemClock as clock } from "@homeplane/runtime-kit";
import type { DataPlaneConfig } from "./config.ts";
import type { Check } from "./probes.ts";

export interface ClusterStore {
  readonly store: ObjectStore;
  readonly presigner: Presigner;
  readonly buckets: { readonly metadata: string; readonly fastRegistration: string };
  readonly check: Check;
  /** Looks at the buckets now and then. */
  readonly prober: Service;
  close(): Promise<void>;
}

const whenWellMs = 30_000;
const whenNotMs = 5_000;
const probeTimeoutMs = 15_000;
/** One probe that fails is no reason to be taken out of service. */
const failuresBeforeUnready = 2;

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
  return {
    store,
    presigner,
    buckets,
    ...probing(store, component === "object-store-service" ? Object.values(buckets) : [buckets.metadata], log),
    close: async () => {
      await store.close();
      await credentials.close();
    },
  };
}

function probing(store: ObjectStore, buckets: readonly string[], log: Logger): { check: Check; prober: Service } {
  let known = false;
  let failures = 0;
  let last: { readonly problem: string; readonly nextStep: string } | undefined;

  async function look(signal: AbortSignal): Promise<void> {
    const found: { problem: string; nextStep: string }[] = [];
    for (const bucket of buckets) {
      for (const { message, nextStep } of await problemsOf(store, bucket, signal))
        found.push({ problem: message, nextStep });
    }
    known = true;
    const [next] = found;
    if (next !== undefined && next.problem !== last?.problem) log.warn({ event: "store.unusable", ...next });
    if (next === undefined && last !== undefined) log.info({ event: "store.usable" });
    failures = next === undefined ? 0 : failures + 1;
    last = next;
  }

  const problem = (): string | undefined => {
    if (!known) return "the buckets were not looked at yet";
    if (last === undefined || failures < failuresBeforeUnready) return undefined;
    return `${last.problem}. ${last.nextStep}`;
  };
  const prober: Service = {
    name: "store.probe",
    run: async (signal) => {
      while (!signal.aborted) {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(probeTimeoutMs)]);
        await look(limit).catch((error: unknown) => {
          if (signal.aborted) return;
          known = true;
          failures++;
          const next = {
            problem: messageOf(error),
            nextStep: "Look at objectStore.endpoint and at the network between.",
          };
          if (next.problem !== last?.problem) log.warn({ event: "store.unusable", ...next });
          last = next;
        });
        await pause(clock, failures === 0 ? whenWellMs : whenNotMs, signal);
      }
    },
  };
  return { check: { name: "objectStore", problem }, prober };
}

async function problemsOf(store: ObjectStore, bucket: string, signal: AbortSignal): Promise<readonly BucketProblem[]> {
  return await checkBucket(store, bucket, { depth: "read", signal });
}
