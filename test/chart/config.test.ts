/** The configuration that the charts write is one that the components take. */
import { expect, test } from "vitest";
import { dataPlaneSchema } from "../../packages/cli/src/serve/config.ts";
import { controlPlaneSchema } from "../../packages/cli/src/serve/control-plane-config.ts";
import { parseConfig } from "../../packages/cli/src/serve/load-config.ts";
import { namespaceConfig } from "../../packages/cli/src/serve/namespace-config.ts";
import { policies } from "../../packages/operator/src/namespaces/policies.ts";
import { type Manifest, manifests, ofKind } from "./objects.ts";
import { golden, permutations } from "./permutations.ts";

const configOf = (name: string): string => {
  const map = ofKind("ConfigMap", manifests(golden(name))).find(({ data }) => data?.["config.yaml"] !== undefined);
  return map?.data?.["config.yaml"] ?? "";
};
const whole = permutations.filter(({ name }) => name !== "administrator");

test.each(whole.map(({ name, chart }) => [name, chart] as const))("%s is taken", (name, chart) => {
  const schema = chart === "chart" ? dataPlaneSchema : controlPlaneSchema;
  expect(() => parseConfig("/etc/homeplane/config.yaml", configOf(name), schema)).not.toThrow();
});

test("each cloud's identity reaches the tasks' ServiceAccount", () => {
  const annotations = (name: string) => parseConfig("config.yaml", configOf(name), dataPlaneSchema).tasks.annotations;
  expect(annotations("aws")).toEqual({ "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/userflyterole" });
  expect(annotations("gcp")).toEqual({
    "iam.gke.io/gcp-service-account": "userflyterole@example.iam.gserviceaccount.com",
  });
  expect(annotations("azure")).toEqual({
    "azure.workload.identity/client-id": "00000000-0000-0000-0000-00000000000b",
  });
  const { podLabels } = parseConfig("config.yaml", configOf("azure"), dataPlaneSchema).tasks;
  expect(podLabels).toEqual({ "azure.workload.identity/use": "true" });
});

test("whoever reaches the buckets has the cloud's role, and says so; the others say that they have none", () => {
  const accounts = ofKind("ServiceAccount", manifests(golden("aws")));
  const told = (one: Manifest): unknown => one.metadata.annotations;
  const role = "arn:aws:iam::123456789012:role/adminflyterole";
  for (const account of accounts) {
    const has = ["executor", "log-provider", "object-store-service"].includes(account.metadata.name);
    expect(told(account)).toEqual(
      has
        ? { "homeplane.dev/cloud-role": "adminflyterole", "eks.amazonaws.com/role-arn": role }
        : { "homeplane.dev/cloud-role": "none" },
    );
  }
});

test("what the chart lets task pods out to is what the operator's policies let out, with the exceptions cut out of it", () => {
  const kept = policies(namespaceConfig(parseConfig("", configOf("own-tls"), dataPlaneSchema)));
  const extra = kept.find(({ metadata }) => metadata.name === "homeplane-extra");
  expect(extra?.spec).toEqual({
    podSelector: {},
    policyTypes: ["Egress"],
    egress: [
      {
        to: [{ ipBlock: { cidr: "10.30.0.0/16", except: ["10.30.7.0/24"] } }],
        ports: [{ protocol: "TCP", port: 5432 }],
      },
      {
        to: [
          {
            namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "databases" } },
            podSelector: { matchLabels: { app: "redis" } },
          },
        ],
        ports: [{ protocol: "TCP", port: 6379 }],
      },
    ],
  });
  const named = (name: string) =>
    policies(namespaceConfig(parseConfig("", configOf(name), dataPlaneSchema))).map(({ metadata }) => metadata.name);
  expect(named("minio")).not.toContain("homeplane-extra");
});

test("every file that the configuration names is mounted where it is needed", () => {
  const objects = manifests(golden("minio"));
  const { tls, identity, controlPlane, objectStore, tasks } = parseConfig("", configOf("minio"), dataPlaneSchema);
  const mounted = (name: string): string[] => {
    const [deployment] = ofKind("Deployment", objects).filter(({ metadata }) => metadata.name === name);
    const [container] = deployment?.spec.template.spec.containers ?? [];
    return (container?.volumeMounts ?? []).map(({ mountPath }) => mountPath);
  };
  const isMounted = (component: string, file: string | undefined): boolean =>
    mounted(component).some((path) => file === path || file?.startsWith(`${path}/`) === true);
  const serving = ["task-gateway", "object-store-service", "log-provider", "secret-service"];
  const dialling = ["executor", "operator", "task-gateway", "tunnel-service"];
  for (const one of serving) for (const file of [tls.certFile, tls.keyFile]) expect(isMounted(one, file)).toBe(true);
  for (const one of dialling)
    for (const file of [controlPlane.tokenFile, controlPlane.caFile]) expect(isMounted(one, file)).toBe(true);
  for (const one of ["executor", "task-gateway", "tunnel-service"])
    for (const file of [identity.tokenFile, tls.caFile]) expect(isMounted(one, file)).toBe(true);
  for (const one of ["executor", "object-store-service", "log-provider"])
    for (const file of [objectStore.webIdentityTokenFile, objectStore.caFile]) expect(isMounted(one, file)).toBe(true);
  for (const file of tasks.caFiles ?? []) expect(isMounted("operator", file)).toBe(true);
});

test("the credential of the cluster is mounted where the control plane is dialled, and nowhere else", () => {
  const withSecret = ofKind("Deployment", manifests(golden("minio"))).filter(({ spec }) =>
    JSON.stringify(spec).includes('"secretName":"homeplane-control-plane"'),
  );
  expect(withSecret.map(({ metadata }) => metadata.name).toSorted()).toEqual([
    ...["executor", "operator", "task-gateway", "tunnel-service"],
  ]);
});
