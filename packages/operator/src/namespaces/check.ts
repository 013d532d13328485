/** Mode `existing`: what a namespace that somebody else made lacks. Reads only. */
import { isDeepStrictEqual } from "node:util";
import { isNotFound, type KubeClient, KubeError, namespaces } from "@homeplane/kube";
import type { NamespaceConfig } from "./config.ts";
import { desired, type Wanted } from "./desired.ts";
import type { Tenant } from "./names.ts";
import { isTerminating } from "./provision.ts";
import { merged } from "./put-right.ts";
import { ready, terminating, type Verdict } from "./verdict.ts";

export interface Findings {
  readonly verdict: Verdict;
  /** What is there, but not as our own would be; the customer's choice. */
  readonly differs: readonly string[];
}

/** Pods of tasks name these: without them none would ever start. */
const needed: ReadonlySet<string> = new Set(["ServiceAccount", "ConfigMap", "RoleBinding"]);

export async function check(
  client: KubeClient,
  config: NamespaceConfig,
  tenant: Tenant,
  signal: AbortSignal,
): Promise<Findings> {
  const { namespace } = tenant;
  const found = await client.get(namespaces, { name: namespace }, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (found === undefined) return { verdict: lacks(tenant, ["the namespace itself"]), differs: [] };
  if (isTerminating(found)) return { verdict: terminating(tenant), differs: [] };
  const results = await Promise.all(
    desired(tenant, config, await config.trust?.()).map((one) => look(client, one, namespace, signal)),
  );
  const level = found.metadata.labels?.["pod-security.kubernetes.io/enforce"] ?? "(none)";
  const wantedLevel = config.overrides[namespace]?.podSecurity ?? config.podSecurity;
  const differs = [
    ...(level === wantedLevel ? [] : [`label pod-security.kubernetes.io/enforce is ${level}, not ${wantedLevel}`]),
    ...results.flatMap(({ differs: text }) => text ?? []),
  ];
  const missing = results.flatMap(({ lacks: text }) => text ?? []);
  return { verdict: missing.length === 0 ? ready : lacks(tenant, missing), differs };
}

async function look(
  client: KubeClient,
  { type, object }: Wanted,
  namespace: string,
  signal: AbortSignal,
): Promise<{ lacks?: string; differs?: string }> {
  const { name } = object.metadata;
  const what = `${type.kind} ${name}`;
  try {
    const found = await client.get(type, { namespace, name }, { signal });
    // Their labels are theirs, and only who makes them needs to hold them.
    const { labels: _ours, finalizers: _held, ...metadata } = object.metadata;
    return isDeepStrictEqual(merged(found, { ...object, metadata }), found) ? {} : { differs: `${what} is another` };
  } catch (error) {
    if (isNotFound(error)) return needed.has(type.kind) ? { lacks: what } : { differs: `there is no ${what}` };
    // What may not be read may be right: whoever made it knows.
    if (error instanceof KubeError && error.status === 403) return { differs: `${what} can not be read` };
    throw error;
  }
}

function lacks({ namespace, project, domain }: Tenant, missing: readonly string[]): Verdict {
  const message = `namespace ${namespace} of project ${project}, domain ${domain} lacks: ${missing.join(", ")}. namespaces.mode is existing, so whoever manages the cluster has to make it: docs/guide/projects-and-namespaces.md has the manifests`;
  return { kind: "waiting", code: "NamespaceIncomplete", message };
}
