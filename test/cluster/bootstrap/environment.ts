/** Where everything of the running cluster is. */
import { join } from "node:path";
import { programPath } from "../go-program.ts";
import { credentials, full, kubeconfigOf, minioUrl, node, registry } from "./layout.ts";
import { rootKeys, type RootKeys } from "./minio.ts";

export interface ClusterEnvironment {
  readonly kubeconfig: string;
  readonly nodeAddress: string;
  readonly registry: string;
  readonly minio: RootKeys & { readonly endpoint: string; readonly caFile: string };
  readonly kubectl: string;
  readonly helm: string;
  /** The folder of the programs' logs. */
  readonly logs: string;
}

export async function environment(): Promise<ClusterEnvironment> {
  return {
    kubeconfig: kubeconfigOf(full),
    nodeAddress: node.address,
    registry,
    minio: { endpoint: minioUrl, caFile: credentials(full, "store-ca.crt"), ...(await rootKeys()) },
    kubectl: join(full.folder, "bin/kubectl"),
    helm: programPath("helm"),
    logs: join(full.folder, "logs"),
  };
}
