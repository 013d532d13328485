/** What the test cluster promises to the tests that use it. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { full } from "./bootstrap/layout.ts";
import { prepareMachine } from "./bootstrap/machine.ts";
import { busyboxImage } from "./bootstrap/images.ts";
import { ctr } from "./bootstrap/containerd.ts";
import { run } from "./bootstrap/run.ts";
import { readAll } from "./bootstrap/started.ts";
import { type ClusterEnvironment, realCluster } from "./real-cluster.ts";

const namespace = "test-cluster-promises";
const labelled = (app: string): object => ({ metadata: { name: app, namespace, labels: { app } } });
const pod = (app: string, command: string, image = busyboxImage): object => ({
  apiVersion: "v1",
  kind: "Pod",
  ...labelled(app),
  spec: {
    terminationGracePeriodSeconds: 0,
    restartPolicy: "Never",
    containers: [{ name: "main", image, command: ["sh", "-c", command] }],
  },
});
const policy = (name: string, spec: object): object => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name, namespace },
  spec,
});

describe("the test cluster", { timeout: 120_000 }, () => {
  let cluster: ClusterEnvironment;

  beforeAll(async () => {
    cluster = await realCluster();
    await kubectl("delete", "namespace", namespace, "--ignore-not-found");
    await kubectl("create", "namespace", namespace);
  }, 2_400_000);

  afterAll(() => kubectl("delete", "namespace", namespace, "--wait=false"));

  const kubectl = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...args]);
    return stdout;
  };
  const apply = (...objects: object[]): Promise<string> => {
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
    return run(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, "apply", "-f", "-"], { input: list });
  };
  const phase = (app: string, value: string): Promise<string> =>
    kubectl("-n", namespace, "wait", `--for=jsonpath={.status.phase}=${value}`, `pod/${app}`, "--timeout=60s");
  /** Whether the pod `client` gets an answer. */
  const reaches = (url: string): Promise<boolean> =>
    kubectl("-n", namespace, "exec", "client", "--", "timeout", "2", "wget", "-qO-", url).then(
      () => true,
      () => false,
    );

  test("up on a cluster that is up starts nothing", async () => {
    const before = readAll(full.folder);
    const main = `${import.meta.dirname}/bootstrap/main.ts`;
    const { stderr } = await promisify(execFile)(process.execPath, [main, "up"]);
    expect(stderr).toMatch(/^the cluster is up \(/);
    expect(readAll(full.folder)).toEqual(before);
  });

  test("a pod runs, with logs, exit code and the cluster's names", async () => {
    await apply(pod("hello", "nslookup kubernetes.default.svc.cluster.local && echo hello from a pod && exit 7"));
    await phase("hello", "Failed");
    const log = await kubectl("-n", namespace, "logs", "hello");
    expect(log).toContain("10.96.0.1");
    expect(log).toContain("hello from a pod");
    const code = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}";
    expect(await kubectl("-n", namespace, "get", "pod", "hello", "-o", code)).toBe("7");
  });

  test("policies are enforced: nothing passes, then what a label or an address block allows, through a Service too", async () => {
    const service = { selector: { app: "server" }, ports: [{ port: 80, targetPort: 8080 }] };
    await apply(pod("client", "sleep 600"), pod("server", "echo hello > /tmp/index.html; httpd -f -p 8080 -h /tmp"), {
      apiVersion: "v1",
      kind: "Service",
      ...labelled("server"),
      spec: service,
    });
    await Promise.all([phase("client", "Running"), phase("server", "Running")]);
    const [server, registry] = ["http://server", `http://${cluster.registry}/v2/`];
    await expect.poll(() => reaches(server), { timeout: 20_000 }).toBe(true);
    expect(await reaches(registry)).toBe(true);

    await apply(policy("deny-all", { podSelector: {}, policyTypes: ["Ingress", "Egress"] }));
    await expect.poll(() => reaches(server), { timeout: 20_000 }).toBe(false);
    expect(await reaches(registry)).toBe(false);

    const client = { matchLabels: { app: "client" } };
    const dns = { namespaceSelector: {}, podSelector: { matchLabels: { "k8s-app": "kube-dns" } } };
    const egress = [{ to: [dns, { podSelector: { matchLabels: { app: "server" } } }] }];
    await apply(
      policy("out", { podSelector: client, policyTypes: ["Egress"], egress }),
      policy("in", { podSelector: { matchLabels: { app: "server" } }, ingress: [{ from: [{ podSelector: client }] }] }),
    );
    await expect.poll(() => reaches(server), { timeout: 20_000 }).toBe(true);
    expect(await reaches(registry)).toBe(false);

    const block = { to: [{ ipBlock: { cidr: `${cluster.nodeAddress}/32` } }], ports: [{ port: 5000 }] };
    await apply(policy("block", { podSelector: client, policyTypes: ["Egress"], egress: [block] }));
    await expect.poll(() => reaches(registry), { timeout: 20_000 }).toBe(true);
  });

  test("the object store's STS believes a ServiceAccount's token for its audience, and no other", async () => {
    const token = async (audience: string): Promise<string> =>
      (await kubectl("-n", namespace, "create", "token", "default", "--audience", audience)).trim();
    const good = await assumeRole(cluster, await token("sts.amazonaws.com"));
    expect(good).toMatch(/<AccessKeyId>\w+<\/AccessKeyId>.*<SessionToken>/s);
    const refused = /<Code>(InvalidParameterValue|AccessDenied)<\/Code>/;
    expect(await assumeRole(cluster, await token("somebody-else"))).toMatch(refused);
    expect(await assumeRole(cluster, "garbage")).toMatch(refused);
    const [head, body, signature = ""] = (await token("sts.amazonaws.com")).split(".");
    const forged = [head, body, signature.replace(/^./, (first) => (first === "A" ? "B" : "A"))].join(".");
    expect(await assumeRole(cluster, forged)).toMatch(refused);
  });

  test("an image of ghcr.io that is in the registry is pulled from there", async () => {
    const name = "homeplane-test/busybox:1";
    const [program, ...args] = ctr(await prepareMachine(() => undefined));
    const local = `${cluster.registry}/${name}`;
    await run(program, [...args, "images", "tag", "--force", busyboxImage, local]);
    await run(program, [...args, "images", "push", "--plain-http", local]);
    // An earlier run's, which would be taken as it is.
    await run(program, [...args, "images", "remove", local, `ghcr.io/${name}`]).catch(() => undefined);
    await apply(pod("pulled", "echo pulled", `ghcr.io/${name}`));
    await phase("pulled", "Succeeded");
  });
});

/** The answer's body. */
async function assumeRole({ minio }: ClusterEnvironment, token: string): Promise<string> {
  const query = new URLSearchParams({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    WebIdentityToken: token,
    RoleArn: "arn:aws:iam::000000000000:role/userflyterole",
    RoleSessionName: "test",
  });
  const ca = await readFile(minio.caFile, "utf8");
  return new Promise((resolve, reject) => {
    const call = request(
      `${minio.endpoint}/?${query.toString()}`,
      { method: "POST", ca, timeout: 10_000 },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve(text)).on("error", reject);
      },
    );
    call.on("error", reject).end();
  });
}
