/** Each verb of kubectl that users have at hand, against the API server with the process runtime behind it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeClient } from "@homeplane/kube";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EmbeddedKube } from "./embedded-kube.ts";
import { startEmbeddedKube } from "./embedded-kube.ts";
import { ProcessRuntime } from "./runtime/process-runtime.ts";
import { Kubectl, kubectlSuite } from "./testing/kubectl.ts";

const shell = (name: string, script: string, resources: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: {
    restartPolicy: "Never",
    terminationGracePeriodSeconds: 2,
    containers: [{ name: "main", image: "none", command: ["/bin/sh", "-c", script], resources }],
  },
});
const map = (name: string, data: Record<string, string>, labels: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, labels },
  data,
});

describe.skipIf(kubectlSuite.skip)(kubectlSuite.name, { timeout: 60_000 }, () => {
  let folder: string;
  let kube: EmbeddedKube;
  let kubectl: Kubectl;
  const stop = new AbortController();
  const running: Promise<void>[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "homeplane-kubectl-"));
    const shared = { clock: systemClock, random: Math.random, log: silentLogger };
    let runtime: ProcessRuntime | undefined;
    kube = await startEmbeddedKube({
      ...shared,
      dataDir: folder,
      host: "127.0.0.1",
      port: 0,
      podLogs(request) {
        if (runtime === undefined) throw new Error("not started");
        return runtime.podLogs(request);
      },
    });
    runtime = new ProcessRuntime({
      ...shared,
      client: new KubeClient({ ...shared, transport: kube.transport }),
      dataDir: folder,
      nodeName: "local",
      baseEnv: { PATH: "/usr/bin:/bin" },
      capacity: { cpu: 4, memory: 2 ** 30, disk: 2 ** 40, pods: 10 },
    });
    running.push(kube.run(stop.signal), runtime.run(stop.signal));
    kubectl = new Kubectl(kube.kubeconfigPath, folder);
  });
  afterAll(async () => {
    stop.abort();
    await Promise.all(running);
    await kube.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("create, and create again", async () => {
    await kubectl.run("create", "-f", await kubectl.manifest(map("made", { a: "1" })));
    await expect(kubectl.run("create", "-f", await kubectl.manifest(map("made", {})))).rejects.toThrow(
      'configmaps "made" already exists',
    );
    for (const args of [
      ["quota", "made", "--hard=count/secrets=3,requests.cpu=2500m"],
      ["role", "made", "--verb=get,list", "--resource=pods"],
      ["clusterrole", "made", "--verb=*", "--resource=secrets"],
      ["rolebinding", "made", "--role=made", "--serviceaccount=default:default"],
      ["clusterrolebinding", "made", "--clusterrole=made", "--group=g"],
      ["priorityclass", "made", "--value=7"],
      ["secret", "generic", "made", "--from-literal=k=v"],
    ])
      expect(await kubectl.run("create", ...args)).toContain("created");
    const json = JSON.parse(await kubectl.run("get", "quota/made", "role/made", "rolebinding/made", "-o", "json")) as {
      items: object[];
    };
    expect(json.items).toMatchObject([
      { spec: { hard: { "count/secrets": "3", "requests.cpu": "2500m" } } },
      { rules: [{ verbs: ["get", "list"], resources: ["pods"] }] },
      { roleRef: { kind: "Role", name: "made" }, subjects: [{ kind: "ServiceAccount", name: "default" }] },
    ]);
    await kubectl.run("delete", "quota,role,rolebinding,secret,configmap", "made");
  });

  test("apply makes, changes and takes away, and leaves what others added", async () => {
    const apply = async (...objects: object[]) => await kubectl.run("apply", "-f", await kubectl.manifest(...objects));
    expect(await apply(map("applied", { a: "1", b: "2" }))).toContain("configmap/applied created");
    await kubectl.run("label", "configmap", "applied", "theirs=x");
    expect(await apply(map("applied", { a: "1", b: "2" }))).toContain("unchanged");
    expect(await apply(map("applied", { a: "3" }))).toContain("configured");
    const applied = JSON.parse(await kubectl.run("get", "cm", "applied", "-o", "json")) as object;
    expect(applied).toMatchObject({ data: { a: "3" }, metadata: { labels: { theirs: "x" } } });
    expect(applied).not.toHaveProperty("data.b");
  });

  test("get: selectors, columns, several kinds, and -w as it happens", async () => {
    for (const n of ["1", "2"])
      await kubectl.run("create", "-f", await kubectl.manifest(map(`got-${n}`, {}, { n, g: "y" })));
    expect(await kubectl.run("get", "cm", "-l", "g=y,n!=1", "--no-headers")).toMatch(/^got-2\s+0\s+\d+s\n$/);
    expect(await kubectl.run("get", "nodes,ns")).toMatch(/node\/local\s+Ready[\s\S]*namespace\/default\s+Active/);
    let labelled = false;
    let seen = "";
    for await (seen of kubectl.follow("get", "cm", "-l", "g=y", "-w", "--no-headers")) {
      if (!labelled && seen.includes("got-2")) {
        labelled = true;
        await kubectl.run("create", "-f", await kubectl.manifest(map("got-3", { a: "1" }, { g: "y" })));
      }
      if (/got-3\s+1/.test(seen)) break;
    }
    expect(seen).toMatch(/got-1[\s\S]*got-2[\s\S]*got-3\s+1/);
  });

  test("patch: merge, JSON and strategic", async () => {
    await kubectl.run("create", "-f", await kubectl.manifest(map("patched", { a: "1", b: "2" })));
    await kubectl.run("patch", "cm", "patched", "--type=merge", "-p", '{"data":{"a":null,"c":"3"}}');
    await kubectl.run("patch", "cm", "patched", "--type=json", "-p", '[{"op":"replace","path":"/data/b","value":"4"}]');
    expect(await kubectl.run("get", "cm", "patched", "-o", "jsonpath={.data}")).toBe('{"b":"4","c":"3"}');
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "patched" } };
    const ports = [
      { name: "http", port: 80 },
      { name: "https", port: 443 },
    ];
    await kubectl.run("create", "-f", await kubectl.manifest({ ...service, spec: { ports } }));
    await kubectl.run("patch", "svc", "patched", "-p", '{"spec":{"ports":[{"port":443,"name":"tls"}]}}');
    const names = await kubectl.run("get", "svc", "patched", "-o", "jsonpath={.spec.ports[*].name}");
    expect(names).toBe("http tls");
  });

  test("label and annotate: set, overwrite, take away", async () => {
    await kubectl.run("create", "-f", await kubectl.manifest(map("marked", {})));
    await kubectl.run("label", "cm", "marked", "a=1");
    await expect(kubectl.run("label", "cm", "marked", "a=2")).rejects.toThrow("--overwrite");
    await kubectl.run("label", "cm", "marked", "a=2", "b=3", "--overwrite");
    await kubectl.run("label", "cm", "marked", "a-");
    await kubectl.run("annotate", "cm", "marked", "note=words");
    const metadata = await kubectl.run(
      "get",
      "cm",
      "marked",
      "-o",
      "jsonpath={.metadata.labels}{.metadata.annotations}",
    );
    expect(metadata).toBe('{"b":"3"}{"note":"words"}');
  });

  test("wait: for a condition, a field, and the end", async () => {
    await kubectl.run("create", "-f", await kubectl.manifest(shell("awaited", "exec sleep 7201")));
    expect(await kubectl.run("wait", "--for=condition=Ready", "pod/awaited", "--timeout=10s")).toContain(
      "condition met",
    );
    expect(
      await kubectl.run("wait", "--for=jsonpath={.status.phase}=Running", "pod/awaited", "--timeout=5s"),
    ).toContain("condition met");
    const gone = kubectl.run("wait", "--for=delete", "pod/awaited", "--timeout=10s");
    await kubectl.run("delete", "pod", "awaited");
    await gone;
    await expect(kubectl.run("get", "pod", "awaited")).rejects.toThrow('pods "awaited" not found');
  });

  test("logs -f shows lines as they are printed, and ends with the container", async () => {
    const script = "echo first; until [ -e go ]; do sleep 0.05; done; echo last";
    await kubectl.run("create", "-f", await kubectl.manifest(shell("prints", script)));
    await kubectl.run("wait", "--for=condition=Ready", "pod/prints", "--timeout=10s");
    const uid = await kubectl.run("get", "pod", "prints", "-o", "jsonpath={.metadata.uid}");
    const { writeFile } = await import("node:fs/promises");
    let seen = "";
    for await (seen of kubectl.follow("logs", "-f", "prints"))
      if (seen === "first\n") await writeFile(join(folder, "pods", uid, "work", "go"), "");
    expect(seen).toBe("first\nlast\n");
    expect(await kubectl.run("logs", "prints", "--tail=1", "--timestamps")).toMatch(/^\d{4}-\d\d-\d\dT\S+Z last\n$/);
  });

  test("describe tells a pod's state, what it may take and its events, and what the node has given out", async () => {
    const resources = { requests: { cpu: "1" }, limits: { memory: "64Mi" } };
    await kubectl.run("create", "-f", await kubectl.manifest(shell("told", "exec sleep 7202", resources)));
    await kubectl.run("create", "-f", await kubectl.manifest(shell("large", "true", { requests: { cpu: "9" } })));
    await kubectl.run("wait", "--for=condition=Ready", "pod/told", "--timeout=10s");
    const told = async (what: string, pattern: RegExp) =>
      await expect.poll(() => kubectl.run("describe", ...what.split(" ")), { timeout: 5000 }).toMatch(pattern);
    await told("pod told", /Status:\s+Running[\s\S]*memory:\s+64Mi[\s\S]*QoS Class:\s+Burstable/);
    await told("pod told", /Normal\s+Scheduled[\s\S]*assigned default\/told to local[\s\S]*Normal\s+Started/);
    await told("pod large", /FailedScheduling[\s\S]*1 Insufficient cpu[\s\S]*can never run here/);
    await told("node local", /Allocatable:\s+cpu:\s+4[\s\S]*default\s+told\s+1 \(25%\)/);
    await kubectl.run("delete", "pod", "told", "large");
  });

  test("a quota refuses in words, and describe shows what is used", async () => {
    await kubectl.run("create", "namespace", "small");
    await kubectl.run("create", "quota", "q", "--hard=pods=1", "-n", "small");
    await kubectl.run("create", "-n", "small", "-f", await kubectl.manifest(shell("one", "exec sleep 7203")));
    await expect(
      kubectl.run("create", "-n", "small", "-f", await kubectl.manifest(shell("two", "true"))),
    ).rejects.toThrow("exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1");
    await expect.poll(() => kubectl.run("describe", "quota", "q", "-n", "small")).toMatch(/pods\s+1\s+1/);
    await kubectl.run("delete", "namespace", "small", "--timeout=20s");
  });

  test("delete: one, by label, all, and a dry run that deletes nothing", async () => {
    for (const n of ["1", "2", "3"])
      await kubectl.run("create", "-f", await kubectl.manifest(map(`del-${n}`, {}, { d: n === "3" ? "b" : "a" })));
    await kubectl.run("delete", "cm", "-l", "d", "--dry-run=server");
    await kubectl.run("delete", "cm", "del-1");
    await kubectl.run("delete", "cm", "-l", "d=a");
    expect(await kubectl.run("get", "cm", "-l", "d", "-o", "name")).toBe("configmap/del-3\n");
    await kubectl.run("delete", "cm", "--all");
    expect(await kubectl.run("get", "cm", "-o", "name")).toBe("");
  });
});
