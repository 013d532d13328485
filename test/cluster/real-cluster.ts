/**
 * The full test cluster, for tests that need a kubelet, policies, an object store with STS or a registry. `npm test` brings it up and down; whoever runs vitest
 * alone gets it here, and keeps it. Tests share it: each uses namespaces, buckets and cluster-wide names of its own, and takes them away again.
 */
import { type ClusterEnvironment, environment } from "./bootstrap/environment.ts";
import { full } from "./bootstrap/layout.ts";
import { status } from "./bootstrap/status.ts";
import { upFull } from "./bootstrap/up.ts";

export type { ClusterEnvironment } from "./bootstrap/environment.ts";

const say = (line: string): void => void process.stderr.write(`cluster: ${line}\n`);

/** Allow a `beforeAll` that calls this 40 minutes: the first time on a machine, it builds everything. */
export async function realCluster(): Promise<ClusterEnvironment> {
  if (!(await status(full, () => undefined))) await upFull(say);
  return await environment();
}
