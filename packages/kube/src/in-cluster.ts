import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HomeplaneError, messageOf } from "@homeplane/runtime-kit";
import type { ClusterConfig } from "./cluster-config.ts";

const SERVICE_ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface InClusterOptions {
  /** The value of KUBERNETES_SERVICE_HOST. */
  readonly host: string | undefined;
  /** The value of KUBERNETES_SERVICE_PORT. */
  readonly port: string | undefined;
  /** Where `token`, `ca.crt` and `namespace` are mounted. */
  readonly directory?: string;
}

/** Kubernetes documentation, "Accessing the Kubernetes API from a Pod". The token is read again as it changes. */
export async function inClusterConfig(options: InClusterOptions): Promise<ClusterConfig> {
  const { host, port, directory = SERVICE_ACCOUNT_DIRECTORY } = options;
  if (!host || !port) throw notInCluster("KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is not set");
  const read = async (name: string): Promise<string> => {
    try {
      return await readFile(join(directory, name), "utf8");
    } catch (cause) {
      throw notInCluster(`${join(directory, name)} can not be read: ${messageOf(cause)}`, cause);
    }
  };
  // Read once here so that a missing token is an error at the start.
  const [ca, namespace] = await Promise.all([read("ca.crt"), read("namespace"), read("token")]);
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: namespace.trim(),
    ca,
    token: { kind: "file", path: join(directory, "token") },
  };
}

function notInCluster(why: string, cause?: unknown): HomeplaneError {
  return new HomeplaneError(
    "kube.not_in_cluster",
    `no in-cluster Kubernetes configuration: ${why}`,
    "Run in a pod whose ServiceAccount token is mounted, or name a kubeconfig.",
    { cause },
  );
}
