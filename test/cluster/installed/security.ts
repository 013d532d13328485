/** What a reviewer asks an installed Homeplane with kubectl, and what a task's pod can reach. docs/guide/security-review.md shows the same. */
import { expect, test } from "vitest";
import { components } from "./install.ts";
import type { InstalledHomeplane } from "./installed-homeplane.ts";
import { kubectl } from "./kubectl.ts";

const namespace = "flytesnacks-development";

export function securityPromises(homeplane: () => InstalledHomeplane): void {
  const k = (...args: string[]) => kubectl(homeplane().cluster, args);
  const items = async <T>(...args: string[]): Promise<readonly T[]> =>
    (JSON.parse(await k("get", ...args, "-o", "json")) as { items: T[] }).items;
  interface Named {
    readonly metadata: {
      readonly name: string;
      readonly namespace?: string;
      readonly annotations?: Record<string, string>;
      readonly labels?: Record<string, string>;
    };
  }
  const names = (found: readonly Named[]): string[] => found.map(({ metadata }) => metadata.name).toSorted();

  test("kubectl get deployments -n union: every component, and nothing else", async () => {
    expect(names(await items<Named>("deployments", "-n", "union"))).toEqual(components);
  });

  test("each component has its own account, and the account says what cloud role it has", async () => {
    interface Deployment extends Named {
      readonly spec: { readonly template: { readonly spec: { readonly serviceAccountName: string } } };
    }
    for (const { metadata, spec } of await items<Deployment>("deployments", "-n", "union"))
      expect(spec.template.spec.serviceAccountName).toBe(metadata.name);
    const accounts = await items<Named>("serviceaccounts", "-n", "union");
    for (const { metadata } of accounts.filter((one) => one.metadata.name !== "default"))
      expect(Object.keys(metadata.annotations ?? {}), metadata.name).toContainEqual(
        expect.stringMatching(/role|client-id|gcp/),
      );
  });

  test("kubectl get clusterrolebindings | grep union: each binds one account, and no role has a star", async () => {
    const bindings = (await k("get", "clusterrolebindings")).split("\n").filter((line) => line.includes("union"));
    expect(bindings.length).toBeGreaterThan(0);
    interface Role extends Named {
      readonly rules: readonly {
        readonly verbs: string[];
        readonly resources?: string[];
        readonly apiGroups?: string[];
      }[];
    }
    const roles = (await items<Role>("clusterroles")).filter(({ metadata }) => metadata.name.startsWith("union-"));
    for (const { metadata, rules } of roles) {
      for (const { verbs, resources = [], apiGroups = [] } of rules) {
        expect([...verbs, ...resources, ...apiGroups], metadata.name).not.toContain("*");
        expect(verbs).not.toContain("escalate");
        expect(verbs).not.toContain("impersonate");
        if (verbs.includes("bind")) expect(metadata.name).toBe("union-operator");
      }
    }
  });

  test("kubectl get networkpolicies -A: both sides are denied by default in union and in the task namespace", async () => {
    interface Policy extends Named {
      readonly spec: {
        readonly podSelector: object;
        readonly policyTypes: string[];
        readonly ingress?: unknown[];
        readonly egress?: unknown[];
      };
    }
    const found = await items<Policy>("networkpolicies", "-A");
    for (const where of ["union", namespace]) {
      const denying = found.filter(
        ({ metadata, spec }) =>
          metadata.namespace === where &&
          Object.keys(spec.podSelector).length === 0 &&
          spec.ingress === undefined &&
          spec.egress === undefined &&
          spec.policyTypes.toSorted().join() === "Egress,Ingress",
      );
      expect(denying, where).toHaveLength(1);
    }
  });

  test("namespaces of tasks ask for restricted pods", async () => {
    const found = await items<Named>("namespaces", "-l", "union.ai/namespace-type=flyte");
    expect(names(found)).toContain(namespace);
    for (const { metadata } of found)
      expect(metadata.labels?.["pod-security.kubernetes.io/enforce"]).toBe("restricted");
  });

  test("the task pod's securityContext says runAsNonRoot", async () => {
    const text = await k("get", "pods", "-n", namespace, "-o", "jsonpath={.items[0].spec.securityContext}");
    expect(JSON.parse(text)).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
  });

  test("kubectl get secrets -n union | grep -i aws prints nothing; no pod has a static key", async () => {
    expect((await k("get", "secrets", "-n", "union", "-o", "name")).toLowerCase()).not.toContain("aws");
    const pods = await k("get", "pods", "-n", "union", "-o", "yaml");
    expect(pods).not.toMatch(/SECRET_ACCESS_KEY|AWS_ACCESS_KEY_ID/);
    expect(pods).not.toContain(homeplane().cluster.minio.secretKey);
  });

  test("no Service is reachable from outside", async () => {
    interface Service extends Named {
      readonly spec: { readonly type: string };
    }
    const found = [
      ...(await items<Service>("services", "-n", "union")),
      ...(await items<Service>("services", "-n", "homeplane-control-plane")),
    ];
    expect(found.filter(({ spec }) => spec.type !== "ClusterIP").map(({ metadata }) => metadata.name)).toEqual([]);
  });

  test("a task's pod reaches the object store and the task gateway, and nothing else", async () => {
    const { nodeAddress, minio } = homeplane().cluster;
    const store = new URL(minio.endpoint).host;
    const address = async (service: string, of: string): Promise<string> =>
      k("get", "service", service, "-n", of, "-o", "jsonpath={.spec.clusterIP}");
    const gateway = `${await address("task-gateway", "union")}:8443`;
    const allowed = [store, gateway, "task-gateway.union.svc.cluster.local:8443"];
    const refused = [
      `${nodeAddress}:6443`,
      `${await address("kubernetes", "default")}:443`,
      `${nodeAddress}:10250`,
      `${nodeAddress}:5000`,
      "169.254.169.254:80",
      `${await address("object-store-service", "union")}:8443`,
      `${await address("secret-service", "union")}:8443`,
      `${await address("control-plane", "homeplane-control-plane")}:8443`,
    ];
    const TARGETS = [...allowed, ...refused].join(" ");
    const { outputs } = await homeplane().feature("probe", { TARGETS }, "on_cluster.py");
    const lines = (outputs?.[0] ?? []) as string[];
    expect(lines.slice(0, allowed.length)).toEqual(allowed.map((target) => `${target} reached`));
    for (const line of lines.slice(allowed.length)) expect(line).toMatch(/ refused: /);
    expect(lines).toHaveLength(allowed.length + refused.length);
  });
}
