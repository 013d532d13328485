import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { type NamespaceConfig, namespaceDefaults, objectStoreEgress } from "@homeplane/operator";
import type { DataPlaneConfig } from "./config.ts";

/** What the operator makes of the configuration. */
export function namespaceConfig(config: DataPlaneConfig): NamespaceConfig {
  const { tasks, objectStore, services, namespace } = config;
  const { mode, quota, limitRange, overrides, egress } = config.namespaces;
  return {
    ...namespaceDefaults,
    mode,
    overrides,
    ...(quota === undefined ? {} : { quota }),
    ...(limitRange === undefined ? {} : { limitRange }),
    podSecurity: tasks.podSecurity,
    serviceAccount: {
      name: tasks.serviceAccount,
      annotations: tasks.annotations,
      cloudRole: objectStore.taskRoleArn ?? (Object.keys(tasks.annotations).length > 0 ? "annotated" : "none"),
      imagePullSecrets: tasks.imagePullSecrets,
    },
    egress: { ...egress, objectStore: egress.objectStore ?? storeTargets(objectStore) },
    gateway: { ...namespaceDefaults.gateway, namespace, port: Number(new URL(services.taskGateway).port || 443) },
    components: { ...namespaceDefaults.components, namespace },
    trust: () => trusted(config),
  };
}

function storeTargets({ endpoint, publicEndpoint, stsEndpoint }: DataPlaneConfig["objectStore"]) {
  const all = [endpoint, stsEndpoint ?? endpoint, ...(publicEndpoint === undefined ? [] : [publicEndpoint])];
  return objectStoreEgress(all);
}

/** What tasks trust: the public roots, and the authorities of the configuration. */
async function trusted({ tls, objectStore, tasks }: DataPlaneConfig): Promise<string> {
  const files = tasks.caFiles ?? [tls.caFile, ...(objectStore.caFile === undefined ? [] : [objectStore.caFile])];
  const own = await Promise.all(files.map((file) => readFile(file, "utf8")));
  return [...rootCertificates, ...own.map((text) => text.trim())].join("\n") + "\n";
}
