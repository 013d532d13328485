/** What the cluster has in its API from the start. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { calicoObjects, definitions } from "./calico.ts";
import { kubectlAs } from "./control-plane.ts";
import { corednsObjects } from "./coredns.ts";
import { full } from "./layout.ts";
import { run } from "./run.ts";

/** The object store reads the keys of the cluster's tokens as a cloud does: without a credential. */
const discovery = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name: "homeplane-test-issuer-discovery" },
  roleRef: {
    apiGroup: "rbac.authorization.k8s.io",
    kind: "ClusterRole",
    name: "system:service-account-issuer-discovery",
  },
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "system:unauthenticated" }],
};

const longestMs = 60_000;

/** @param calico the folder of its programs */
export async function applyObjects(kubectl: string, calico: string): Promise<void> {
  await applyDefinitions(kubectl, await definitions(calico));
  const list = { apiVersion: "v1", kind: "List", items: [discovery, ...calicoObjects, ...corednsObjects] };
  const end = Date.now() + longestMs;
  // A new API server makes its own roles and namespaces in its first second, and serves a new kind a moment after it has accepted it.
  for (;;) {
    try {
      await run(kubectl, [...as(), "apply", "--server-side", "--force-conflicts", "-f", "-"], {
        input: JSON.stringify(list),
      });
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(500);
    }
  }
}

/** They are large and hardly ever change: once for each state of them. */
async function applyDefinitions(kubectl: string, files: readonly string[]): Promise<void> {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  const done = join(full.folder, `definitions-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(done)) return;
  await run(kubectl, [...as(), "apply", "--server-side", ...files.flatMap((file) => ["-f", file])]);
  await writeFile(done, "");
}

const as = (): string[] =>
  kubectlAs(full).map((arg) => (arg.startsWith("--request-timeout") ? "--request-timeout=30s" : arg));
