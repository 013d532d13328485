/** The installations that are looked at: a chart with values, rendered into golden/<name>.yaml. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Permutation {
  readonly name: string;
  readonly chart: "chart" | "chart-control-plane";
  readonly namespace: string;
  /** Of values/, the later ones over the earlier. */
  readonly values: readonly string[];
  /** More arguments of `helm template`. */
  readonly args?: readonly string[];
}

const dataPlane = (name: string, values: readonly string[], args: readonly string[] = []): Permutation => ({
  ...{ name, chart: "chart", namespace: "union", values, args },
});
const controlPlane = (name: string): Permutation => ({
  ...{ name, chart: "chart-control-plane", namespace: "homeplane-control-plane", values: [name] },
});

export const permutations: readonly Permutation[] = [
  dataPlane("minio", ["minio"]),
  dataPlane("aws", ["aws"]),
  dataPlane("gcp", ["gcp"]),
  dataPlane("azure", ["azure"]),
  dataPlane("existing-namespaces", ["minio", "existing-namespaces"]),
  dataPlane("no-cluster-admin", ["minio", "no-cluster-admin"]),
  // What the administrator applies for it.
  dataPlane("administrator", ["minio", "existing-namespaces"], ["--show-only", "templates/cluster/*"]),
  dataPlane("own-tls", ["minio", "own-tls"]),
  controlPlane("control-plane"),
  controlPlane("control-plane-own"),
];

export const goldenPath = (name: string): string => join(import.meta.dirname, "golden", `${name}.yaml`);

/** As it was rendered last; manifests.cluster.test.ts says when that is not what the chart renders now. */
export const golden = (name: string): string => readFileSync(goldenPath(name), "utf8");
