/** Homeplane installed on the test cluster with its own charts, by the commands of docs/guide/install.md. */
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "@homeplane/runtime-kit";
import type { ClusterEnvironment } from "../bootstrap/environment.ts";
import { apply, helm, kubectl } from "./kubectl.ts";

const root = join(import.meta.dirname, "../../..");
export const controlPlaneNamespace = "homeplane-control-plane";
export const dataPlaneNamespace = "union";
export const clusterName = "test";
/** Of the data plane, in the order of the alphabet. */
export const components = [
  "executor",
  "log-provider",
  "object-store-service",
  "operator",
  "secret-service",
  "task-gateway",
  "tunnel-service",
];
/** A project that has room for two pods. */
export const smallProject = "small";

const namespace = (name: string) => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
});

/** The cluster has no storage of its own that could be asked for: a folder of the node. */
async function volume(cluster: ClusterEnvironment): Promise<void> {
  const path = join(cluster.kubeconfig, "../volumes/control-plane");
  await mkdir(path, { recursive: true });
  // The kubelet changes no owner of such a folder, and the pod is not root.
  await chmod(path, 0o777);
  await apply(cluster, [
    {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: "homeplane-control-plane" },
      spec: {
        capacity: { storage: "10Gi" },
        accessModes: ["ReadWriteOnce"],
        hostPath: { path },
        persistentVolumeReclaimPolicy: "Retain",
        claimRef: { namespace: controlPlaneNamespace, name: "homeplane-control-plane" },
      },
    },
  ]);
}

/** `image` as `<repository>@sha256:...`. Idempotent: an upgrade where it is installed already. */
export async function install(cluster: ClusterEnvironment, image: string, values: object = {}): Promise<void> {
  const [repository, digest] = image.split("@");
  const common = { image: { repository, digest } };
  await apply(cluster, [namespace(controlPlaneNamespace), namespace(dataPlaneNamespace)]);
  await volume(cluster);
  await chart(cluster, "homeplane-control-plane", "chart-control-plane", controlPlaneNamespace, {
    ...common,
    clusters: [{ name: clusterName }],
  });
  await installDataPlane(cluster, image, values);
}

export async function installDataPlane(cluster: ClusterEnvironment, image: string, values: object = {}): Promise<void> {
  const [repository, digest] = image.split("@");
  await joinSecret(cluster);
  await adopt(cluster, "homeplane", ["crd/taskactions.flyte.org", "namespace/homeplane-secrets"]);
  await chart(cluster, "homeplane", "chart", dataPlaneNamespace, {
    image: { repository, digest },
    ...(await dataPlaneValues(cluster)),
    ...values,
  });
}

/** What an earlier installation, or another test, has left: Helm refuses what is not marked as its own (docs/guide/install.md). */
async function adopt(cluster: ClusterEnvironment, release: string, objects: readonly string[]): Promise<void> {
  for (const object of objects) {
    if ((await kubectl(cluster, ["get", object, "--ignore-not-found", "-o", "name"])) === "") continue;
    await kubectl(cluster, ["label", object, "app.kubernetes.io/managed-by=Helm", "--overwrite"]);
    const own = [`meta.helm.sh/release-name=${release}`, `meta.helm.sh/release-namespace=${dataPlaneNamespace}`];
    await kubectl(cluster, ["annotate", object, ...own, "--overwrite"]);
  }
}

async function chart(cluster: ClusterEnvironment, release: string, folder: string, into: string, values: object) {
  const args = ["upgrade", "--install", release, join(root, "deploy", folder), "-n", into];
  const options = { input: JSON.stringify(values), timeoutMs: 300_000 };
  await helm(cluster, [...args, "-f", "-"], options);
  try {
    await kubectl(cluster, ["rollout", "status", "deployment", "-n", into, "--timeout=120s"], { timeoutMs: 150_000 });
  } catch (error) {
    throw new Error(`${release} does not get ready: ${messageOf(error)}\n${await symptoms(cluster, into)}`, {
      cause: error,
    });
  }
}

/** What an administrator would look at. */
async function symptoms(cluster: ClusterEnvironment, namespace: string): Promise<string> {
  const looks = [
    ["get", "pods", "-o", "wide"],
    ["get", "events", "--field-selector=type=Warning"],
    ["logs", "--tail=15", "--prefix", "-l", "app.kubernetes.io/part-of=homeplane"],
  ];
  const seen = looks.map((args) => kubectl(cluster, [...args, "-n", namespace]).catch(messageOf));
  return (await Promise.all(seen)).join("\n");
}

/** What the control plane's chart says to do after its installation. */
async function joinSecret(cluster: ClusterEnvironment): Promise<void> {
  const read = async (name: string, key: string): Promise<string> => {
    const text = await kubectl(cluster, ["get", "secret", name, "-n", controlPlaneNamespace, "-o", "json"]);
    return (JSON.parse(text) as { data: Record<string, string> }).data[key] ?? "";
  };
  const data = {
    token: await read("homeplane-clusters", clusterName),
    "ca.crt": await read("homeplane-ca", "tls.crt"),
  };
  const metadata = { name: "homeplane-control-plane", namespace: dataPlaneNamespace };
  await apply(cluster, [{ apiVersion: "v1", kind: "Secret", metadata, data }]);
}

async function dataPlaneValues({ minio, nodeAddress }: ClusterEnvironment): Promise<object> {
  return {
    cluster: clusterName,
    controlPlane: {
      url: `https://control-plane.${controlPlaneNamespace}.svc:8443`,
      existingSecret: "homeplane-control-plane",
    },
    objectStore: {
      endpoint: minio.endpoint,
      ca: await readFile(minio.caFile, "utf8"),
      metadataBucket: "homeplane-metadata",
      fastRegistrationBucket: "homeplane-fast-registration",
    },
    identity: { provider: "sts", platform: role("adminflyterole"), tasks: role("userflyterole") },
    networkPolicies: { objectStore: [{ cidr: `${nodeAddress}/32`, ports: [Number(new URL(minio.endpoint).port)] }] },
    // The machine has two cores for everything.
    // And nobody waits three minutes for an image that is not there.
    tasks: { defaultRequests: { cpu: "100m", memory: "128Mi" }, gracePeriodSeconds: 10, startGraceSeconds: 45 },
    taskNamespaces: { overrides: { [`${smallProject}-development`]: { quota: { pods: "2" } } } },
  };
}

/** The test cluster's store goes by the token's subject; the name is what a reviewer reads. */
const role = (name: string): string => `arn:minio:iam:::role/${name}`;
