/**
 * Every pod that the charts make, against the Pod Security Standard "restricted", the NSA's and CISA's hardening guide and the checks of Polaris, as far as
 * a manifest can tell.
 */
import { describe, expect, test } from "vitest";
import { type Container, type Manifest, manifests, ofKind, type PodSpec } from "./objects.ts";
import { golden, permutations } from "./permutations.ts";

interface Pod {
  readonly name: string;
  readonly replicas: number;
  readonly labels: Record<string, string>;
  readonly spec: PodSpec;
  readonly objects: readonly Manifest[];
}

const podsOf = (permutation: string): Pod[] => {
  const objects = manifests(golden(permutation));
  return ofKind("Deployment", objects).map(({ metadata, spec }) => ({
    name: metadata.name,
    replicas: spec.replicas,
    labels: spec.template.metadata.labels,
    spec: spec.template.spec,
    objects,
  }));
};
const containers = ({ spec }: Pod): Container[] => [...(spec.initContainers ?? []), ...spec.containers];
const podOf = (pod: Pod): Record<string, unknown> => pod.spec.securityContext ?? {};

/** Each gives what is wrong; nothing when all is well. */
const perPod: Record<string, (pod: Pod) => unknown> = {
  "no namespace of the host": ({ spec }) => spec.hostNetwork === true || spec.hostPID === true || spec.hostIPC === true,
  "volumes of the restricted kinds": ({ spec }) => {
    const kinds = ["configMap", "secret", "projected", "emptyDir", "persistentVolumeClaim"];
    return (spec.volumes ?? []).some(({ name: _name, ...volume }) =>
      Object.keys(volume).some((kind) => !kinds.includes(kind)),
    );
  },
  "runs as a numeric user that is not root": (pod) =>
    podOf(pod)["runAsNonRoot"] !== true ||
    !(Number(podOf(pod)["runAsUser"]) > 0) ||
    !(Number(podOf(pod)["runAsGroup"]) > 0),
  "seccomp: RuntimeDefault": (pod) =>
    (podOf(pod)["seccompProfile"] as { type?: string } | undefined)?.type !== "RuntimeDefault",
  "no sysctls, no groups of the host": (pod) => podOf(pod)["sysctls"] ?? podOf(pod)["supplementalGroups"],
  "an account of its own, which is made here": ({ name, spec, objects }) => {
    const account = ofKind("ServiceAccount", objects).find(({ metadata }) => metadata.name === name);
    return spec.serviceAccountName !== name || account === undefined;
  },
  "a token of the API server only where that is called": ({ name, spec }) =>
    spec.automountServiceAccountToken !== !["tunnel-service", "control-plane"].includes(name),
  "tokens that live an hour at most": ({ spec }) =>
    (spec.volumes ?? []).some(({ projected }) =>
      (
        (projected as { sources?: { serviceAccountToken?: { expirationSeconds: number } }[] } | undefined)?.sources ??
        []
      ).some(({ serviceAccountToken }) => (serviceAccountToken?.expirationSeconds ?? 0) > 3600),
    ),
  "mounted secrets are not for everybody": ({ spec }) =>
    (spec.volumes ?? []).some(({ secret, projected }) =>
      [secret, projected].some(
        (source) => source !== undefined && (source as { defaultMode: number }).defaultMode !== 0o440,
      ),
    ),
  "a disruption budget that selects it": ({ labels, objects }) =>
    !ofKind("PodDisruptionBudget", objects).some(({ spec }) => matches(spec.selector.matchLabels, labels)),
  "a network policy of its own, for both ways": ({ name, labels, objects }) => {
    const policy = ofKind("NetworkPolicy", objects).find(({ metadata }) => metadata.name === name);
    return (
      policy === undefined ||
      policy.spec.policyTypes.length !== 2 ||
      !matches(policy.spec.podSelector.matchLabels, labels)
    );
  },
};

const perContainer: Record<string, (container: Container) => unknown> = {
  "no privileges, and none to be had": ({ securityContext = {} }) =>
    securityContext["privileged"] === true || securityContext["allowPrivilegeEscalation"] !== false,
  "all capabilities dropped": ({ securityContext = {} }) =>
    JSON.stringify(securityContext["capabilities"]) !== JSON.stringify({ drop: ["ALL"] }),
  "a root file system that can not be written": ({ securityContext = {} }) =>
    securityContext["readOnlyRootFilesystem"] !== true,
  "non-root and seccomp said at the container too": ({ securityContext = {} }) =>
    securityContext["runAsNonRoot"] !== true || securityContext["seccompProfile"] === undefined,
  "no other SELinux, AppArmor or /proc": ({ securityContext = {} }) =>
    securityContext["seLinuxOptions"] ?? securityContext["appArmorProfile"] ?? securityContext["procMount"],
  "requests and limits of CPU and memory": ({ resources }) =>
    [resources?.requests, resources?.limits].some(
      (list) => list?.["cpu"] === undefined || list["memory"] === undefined,
    ),
  "probes of all three kinds": ({ livenessProbe, readinessProbe, startupProbe }) =>
    livenessProbe === undefined || readinessProbe === undefined || startupProbe === undefined,
  "no port of the host": ({ ports = [] }) => ports.some(({ hostPort }) => hostPort !== undefined),
  "no port below 1024": ({ ports = [] }) => ports.some(({ containerPort }) => containerPort < 1024),
  "an image by digest or by a tag that is not latest": ({ image }) =>
    !/@sha256:[0-9a-f]{64}$|:(?!latest$)[^:/]+$/.test(image),
  "no credential in its environment": ({ env = [] }) =>
    env.some(({ name }) => /TOKEN|SECRET|PASSWORD|ACCESS_KEY/.test(name)),
};

function matches(selector: Record<string, string>, labels: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

const pods = permutations
  .filter(({ name }) => name !== "administrator")
  .flatMap(({ name }) => podsOf(name).map((pod) => [`${name}: ${pod.name}`, pod] as const));

test.each(Object.entries(perPod))("%s", (_promise, wrong) => {
  expect(pods.filter(([, pod]) => Boolean(wrong(pod))).map(([name]) => name)).toEqual([]);
});

test.each(Object.entries(perContainer))("%s", (_promise, wrong) => {
  const offenders = pods.filter(([, pod]) => containers(pod).some((one) => Boolean(wrong(one))));
  expect(offenders.map(([name]) => name)).toEqual([]);
});

test("every component of the table is there, once, with a Deployment of its name", () => {
  expect(
    podsOf("minio")
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual([
    ...[
      "executor",
      "log-provider",
      "object-store-service",
      "operator",
      "secret-service",
      "task-gateway",
      "tunnel-service",
    ],
  ]);
  expect(podsOf("control-plane").map(({ name }) => name)).toEqual(["control-plane"]);
});

describe.each(permutations.map(({ name }) => name))("%s", (name) => {
  const objects = manifests(golden(name));

  test("nothing is reached from outside of the cluster: no LoadBalancer, NodePort, Ingress or external name", () => {
    expect(ofKind("Service", objects).filter(({ spec }) => spec.type !== "ClusterIP" || spec.externalIPs)).toEqual([]);
    expect([...ofKind("Ingress", objects), ...ofKind("HTTPRoute", objects)]).toEqual([]);
  });

  test("all in and out is denied where nothing else is said", () => {
    const policies = ofKind("NetworkPolicy", objects);
    for (const namespace of new Set(policies.map(({ metadata }) => metadata.namespace))) {
      const deny = policies.find(
        ({ metadata }) => metadata.namespace === namespace && metadata.name === "default-deny",
      );
      expect(deny?.spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    }
  });

  test("the instance's metadata address is out of reach", () => {
    const blocks = ofKind("NetworkPolicy", objects).flatMap(({ spec }) =>
      (spec.egress ?? []).flatMap((rule) =>
        (rule.to ?? []).flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [ipBlock])),
      ),
    );
    for (const { cidr, except = [] } of blocks) {
      if (cidr === "0.0.0.0/0") expect(except).toContain("169.254.0.0/16");
      if (cidr === "::/0") expect(except).toContain("fd00:ec2::/32");
    }
  });

  test("no Secret is named like a cloud's key, and no ConfigMap or annotation holds a credential", () => {
    expect(ofKind("Secret", objects).filter(({ metadata }) => /aws/i.test(metadata.name))).toEqual([]);
    const open = objects.filter(({ kind }) => kind !== "Secret").map((object) => JSON.stringify(object));
    expect(open.filter((text) => /a-credential-of|PRIVATE KEY|AWS_SECRET/.test(text))).toEqual([]);
  });

  test("what is cluster-wide starts with union-, but for the CustomResourceDefinition and the namespace of secrets", () => {
    const wide = objects.filter(({ metadata }) => metadata.namespace === undefined);
    const others = wide
      .filter(({ metadata }) => !metadata.name.startsWith("union-"))
      .map(({ metadata }) => metadata.name);
    expect(others.filter((one) => !["taskactions.flyte.org", "homeplane-secrets"].includes(one))).toEqual([]);
  });
});
