/** The charts installed, upgraded, rolled back and removed on a real API server. No node: what runs in the pods is tried in test/cluster. */
import { X509Certificate } from "node:crypto";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { httpTransport, loadKubeconfig } from "@homeplane/kube";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask } from "../cluster/ask.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { chartFolder } from "./helm.ts";
import { type Manifest, manifests, ofKind } from "./objects.ts";
import { grants, verbs } from "./rights.ts";

const restricted = (name: string): object => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
});
const values = (name: string): string[] => ["-f", join(import.meta.dirname, "values", `${name}.yaml`)];
const dataPlane = ["homeplane", chartFolder("chart"), "-n", "union", ...values("minio")];
const controlPlane = ["cp", chartFolder("chart-control-plane"), "-n", "homeplane-control-plane"];

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
}, 1_800_000);
afterAll(() => cluster[Symbol.asyncDispose]());

const templates = async (): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await cluster.get("deployments", "union")).map(({ metadata, spec }) => [
      metadata.name,
      JSON.stringify(spec.template),
    ]),
  );
const certificate = async (component: string): Promise<X509Certificate> => {
  const found = (await cluster.get("secrets", "union")).find(
    ({ metadata }) => metadata.name === `homeplane-tls-${component}`,
  );
  return new X509Certificate(Buffer.from(found?.data?.["tls.crt"] ?? "", "base64"));
};
const names = (objects: readonly Manifest[]): string[] => objects.map(({ metadata }) => metadata.name).toSorted();

describe("by an administrator", { timeout: 180_000 }, () => {
  beforeAll(async () => {
    await cluster.apply(restricted("union"), restricted("homeplane-control-plane"));
    await cluster.helm(["install", ...controlPlane, "--set", "clusters[0].name=test"]);
    await cluster.helm(["install", ...dataPlane]);
  }, 120_000);

  test("every pod is admitted where restricted is enforced", async () => {
    for (const namespace of ["union", "homeplane-control-plane"]) {
      const deployments = await cluster.get("deployments", namespace);
      expect(deployments.length).toBe(namespace === "union" ? 7 : 1);
      for (const { metadata, spec } of deployments) {
        const pod = {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: metadata.name, namespace },
          spec: spec.template.spec,
        };
        await expect(
          cluster.kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(pod)),
        ).resolves.toContain("created");
      }
    }
  });

  test("the authorizer answers as the table of rights says, for each account, place, resource and verb", async () => {
    await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "demo-development" } });
    const objects = manifests(await cluster.helm(["get", "manifest", "homeplane", "-n", "union"]));
    for (const { metadata } of ofKind("ClusterRole", objects)) {
      const account = /^union-(.*)-tasks$/.exec(metadata.name)?.[1];
      if (account === undefined) continue;
      await cluster.apply({
        ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding" },
        metadata: { name: metadata.name, namespace: "demo-development" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: metadata.name },
        subjects: [{ kind: "ServiceAccount", name: account, namespace: "union" }],
      });
    }
    const given = grants(objects, ["demo-development"]);
    const accounts = [...names(await cluster.get("serviceaccounts", "union"))];
    const resources = new Map(
      [
        ...given.flatMap(({ rule }) =>
          rule.apiGroups.flatMap((group) => rule.resources.map((one) => [group, one] as const)),
        ),
        ...([
          ["", "nodes"],
          ["", "pods/exec"],
          ["", "events"],
          ["apps", "deployments"],
        ] as const),
      ].map((pair) => [pair.join("/"), pair]),
    );
    const transport = httpTransport(await loadKubeconfig(cluster.api.kubeconfig));
    const wrong: string[] = [];
    let asked = 0;
    for (const account of accounts)
      for (const namespace of ["union", "demo-development", "homeplane-secrets", "kube-system"])
        for (const [group, resource] of resources.values()) {
          const cells = [...verbs, "bind", "escalate", "impersonate"].map(async (verb) => {
            const expected = given.some(
              (one) =>
                one.account === account &&
                (one.namespace === "*" || one.namespace === namespace) &&
                one.rule.resourceNames === undefined &&
                one.rule.apiGroups.includes(group) &&
                one.rule.resources.includes(resource) &&
                one.rule.verbs.includes(verb),
            );
            const [plain, subresource] = resource.split("/");
            const attributes = { namespace, verb, group, resource: plain ?? "", subresource: subresource ?? "" };
            const { body } = await ask(transport, {
              method: "POST",
              path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
              body: {
                ...{ apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview" },
                spec: { user: `system:serviceaccount:union:${account}`, resourceAttributes: attributes },
              },
            });
            asked++;
            const { allowed } = (body as { status: { allowed: boolean } }).status;
            if (allowed !== expected) wrong.push(`${account} ${verb} ${resource} in ${namespace}: ${allowed}`);
          });
          await Promise.all(cells);
        }
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(4_000);
  });

  test("an upgrade that changes nothing restarts nothing, and keeps certificates and credentials", async () => {
    const before = await templates();
    const { fingerprint256 } = await certificate("task-gateway");
    const token = async () =>
      (await cluster.get("secrets", "homeplane-control-plane")).find(
        ({ metadata }) => metadata.name === "homeplane-clusters",
      )?.data?.["test"];
    const known = await token();
    await cluster.helm(["upgrade", ...dataPlane]);
    await cluster.helm(["upgrade", ...controlPlane, "--set", "clusters[0].name=test"]);
    expect(await templates()).toEqual(before);
    expect((await certificate("task-gateway")).fingerprint256).toBe(fingerprint256);
    expect(known).toMatch(/^[A-Za-z0-9+/]{64}$/);
    expect(await token()).toBe(known);
  });

  test("a changed configuration is new pods of every component; a rollback brings the old ones back", async () => {
    const before = await templates();
    await cluster.helm(["upgrade", ...dataPlane, "--set", "logLevel=debug"]);
    const after = await templates();
    for (const [name, template] of Object.entries(before)) expect(after[name]).not.toBe(template);
    await cluster.helm(["rollback", "homeplane", "-n", "union"]);
    expect(await templates()).toEqual(before);
  });

  test("a certificate in the last third of its time is made anew by the same CA, and the pods stay", async () => {
    const before = await templates();
    const old = await certificate("log-provider");
    await cluster.kubectl([
      "annotate",
      "--overwrite",
      "secret",
      "homeplane-tls-log-provider",
      "-n",
      "union",
      "homeplane.dev/renew-after=1",
    ]);
    await cluster.helm(["upgrade", ...dataPlane]);
    const renewed = await certificate("log-provider");
    expect(renewed.fingerprint256).not.toBe(old.fingerprint256);
    expect(renewed.issuer).toBe(old.issuer);
    const ca = (await cluster.get("configmaps", "union")).find(({ metadata }) => metadata.name === "homeplane-trust");
    expect(renewed.verify(new X509Certificate(ca?.data?.["ca.crt"] ?? "").publicKey)).toBe(true);
    expect(await templates()).toEqual(before);
  });

  test("an uninstall leaves the data and nothing else, and says what; an installation after it takes that up again", async () => {
    const notes = await cluster.helm(["get", "notes", "homeplane", "-n", "union"]);
    for (const left of ["taskactions.flyte.org", "homeplane-secrets", "buckets", "task namespaces"])
      expect(notes).toContain(left);
    await cluster.helm(["uninstall", "homeplane", "-n", "union"]);
    await cluster.helm(["uninstall", "cp", "-n", "homeplane-control-plane"]);
    const kinds =
      "deployments,services,configmaps,secrets,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,persistentvolumeclaims";
    const ours = async (namespace: string): Promise<string[]> =>
      names(await cluster.get(kinds, namespace)).filter((name) => !["kube-root-ca.crt", "default"].includes(name));
    expect(await ours("union")).toEqual([]);
    expect(await ours("homeplane-control-plane")).toEqual(["homeplane-control-plane"]);
    expect(
      names(await cluster.get("clusterroles,clusterrolebindings")).filter((name) => name.startsWith("union-")),
    ).toEqual([]);
    expect(names(await cluster.get("customresourcedefinitions"))).toEqual(["taskactions.flyte.org"]);
    expect(names(await cluster.get("namespaces"))).toContain("homeplane-secrets");
    await cluster.helm(["install", ...dataPlane]);
    await cluster.helm(["uninstall", "homeplane", "-n", "union"]);
  });
});

describe("the ways out of docs/guide/install.md", { timeout: 120_000 }, () => {
  test("TaskActions that nobody lets go of any more are let go by hand, and their definition goes", async () => {
    const crd = await cluster.kubectl(["apply", "-f", join(chartFolder("chart"), "files/taskactions.yaml")]);
    expect(crd).toContain("taskactions.flyte.org");
    await cluster.kubectl(["wait", "--for=condition=Established", "crd/taskactions.flyte.org", "--timeout=30s"]);
    await cluster.apply({
      ...{ apiVersion: "flyte.org/v1", kind: "TaskAction" },
      metadata: {
        name: "held",
        namespace: "default",
        finalizers: ["flyte.org/plugin-finalizer", "homeplane.dev/traces"],
      },
      spec: { runName: "r", actionName: "a0", project: "p", domain: "d" },
    });
    await cluster.kubectl(["delete", "crd", "taskactions.flyte.org", "--wait=false"]);
    const guide = await readFile(join(import.meta.dirname, "../../docs/guide/install.md"), "utf8");
    const command = /^kubectl get taskactions -A [\s\S]*?; done$/m.exec(guide)?.[0] ?? "";
    const onCluster = command.replaceAll("kubectl ", `${cluster.api.kubectl} --kubeconfig ${cluster.api.kubeconfig} `);
    await promisify(execFile)("sh", ["-c", onCluster], { timeout: 60_000 });
    await cluster.kubectl(["wait", "--for=delete", "crd/taskactions.flyte.org", "--timeout=60s"]);
  });

  test("a definition that somebody else made is left alone, or taken over, as one says", async () => {
    await cluster.kubectl(["apply", "-f", join(chartFolder("chart"), "files/taskactions.yaml")]);
    await expect(cluster.helm(["install", ...dataPlane])).rejects.toThrow("exists and cannot be imported");
    await cluster.helm(["install", ...dataPlane, "--set", "crds.install=false"]);
    await cluster.helm(["uninstall", "homeplane", "-n", "union"]);
    await cluster.helm(["install", ...dataPlane, "--take-ownership"]);
    await cluster.helm(["uninstall", "homeplane", "-n", "union"]);
  });
});

describe("by somebody with rights in one namespace alone", { timeout: 120_000 }, () => {
  const installer = ["--kube-as-user", "installer"];
  const own = ["homeplane", chartFolder("chart"), "-n", "union"];
  const prepared = [...values("minio"), ...values("no-cluster-admin")];

  beforeAll(async () => {
    // docs/guide/install.md, "Without cluster-admin".
    const administrators = await cluster.helm([
      ...["template", ...own, "--kube-version", "1.34.4", "--show-only", "templates/cluster/*"],
      ...[...values("minio"), ...values("existing-namespaces")],
    ]);
    for (const name of ["flytesnacks-development", "flytesnacks-production"])
      await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    await cluster.kubectl(["apply", "-f", "-"], administrators);
    const all = ["get", "list", "watch", "create", "update", "patch", "delete"];
    const role = {
      ...{
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: "installer", namespace: "union" },
      },
      rules: [
        { apiGroups: [""], resources: ["secrets", "configmaps", "serviceaccounts", "services"], verbs: all },
        { apiGroups: ["apps"], resources: ["deployments"], verbs: all },
        { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: all },
        { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: all },
      ],
    };
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "installer" };
    const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "installer" }];
    await cluster.apply(role, { ...role, kind: "RoleBinding", rules: undefined, roleRef, subjects });
  }, 120_000);

  test("installs, upgrades and uninstalls", async () => {
    await cluster.helm(["install", ...own, ...prepared, ...installer]);
    expect((await cluster.get("deployments", "union")).length).toBe(7);
    await cluster.helm(["upgrade", ...own, ...prepared, "--set", "logLevel=debug", ...installer]);
    await cluster.helm(["uninstall", "homeplane", "-n", "union", ...installer]);
    expect(await cluster.get("deployments", "union")).toEqual([]);
    expect(names(await cluster.get("clusterroles"))).toContain("union-executor-tasks");
  });

  test("and is told what is missing where an administrator's part is asked for too", async () => {
    await expect(cluster.helm(["install", ...own, ...values("minio"), ...installer])).rejects.toThrow(/forbidden/);
  });
});
