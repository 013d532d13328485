import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EmbeddedKube } from "./embedded-kube.ts";
import { podBody, widget, widgetCrd } from "./testing/kube-fixture.ts";
import { temporaryKube } from "./testing/temporary.ts";

const missing = spawnSync("kubectl", ["version", "--client"]).status !== 0;
const run = promisify(execFile);
let kube: EmbeddedKube & AsyncDisposable;
let dir = "";

beforeAll(async () => {
  kube = await temporaryKube(async function* (request) {
    yield new TextEncoder().encode(`log of ${request.container}\n`);
  });
  dir = await mkdtemp(join(tmpdir(), "kubectl-"));
});
afterAll(async () => {
  await kube[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

const flags = (): string[] => ["--kubeconfig", kube.kubeconfigPath, "--cache-dir", join(dir, "cache")];

async function kubectl(...args: string[]): Promise<string> {
  return (await run("kubectl", [...flags(), ...args], { timeout: 15_000 })).stdout;
}

async function manifest(object: object): Promise<string> {
  const path = join(dir, "manifest.json");
  await writeFile(path, JSON.stringify(object));
  return path;
}

test.skipIf(missing)(
  "kubectl creates, shows, describes, patches, labels, waits for, follows and deletes",
  { timeout: 60_000 },
  async () => {
    expect(await kubectl("create", "namespace", "n")).toContain("namespace/n created");
    expect(await kubectl("get", "ns", "n")).toMatch(/NAME\s+STATUS\s+AGE\nn\s+Active/);
    await kubectl("create", "-f", await manifest(podBody("p")));
    await kubectl("patch", "pod", "p", "-p", '{"metadata":{"labels":{"k":"v"}}}');
    const status = {
      status: {
        phase: "Running",
        containerStatuses: [{ name: "main", ready: true, containerID: "x", state: { running: {} } }],
      },
    };
    await kubectl("patch", "pod", "p", "--subresource=status", "--type=merge", "-p", JSON.stringify(status));
    expect(await kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/p", "--timeout=5s")).toContain(
      "condition met",
    );
    expect(await kubectl("get", "pods", "-l", "k in (v)")).toMatch(/p\s+1\/1\s+Running\s+0/);
    expect(await kubectl("describe", "pod", "p")).toMatch(/Labels:\s+k=v/);
    expect(await kubectl("logs", "p")).toBe("log of main\n");
    expect(await kubectl("delete", "pod", "p", "--now")).toContain("deleted");
    expect(await kubectl("delete", "ns", "n", "--timeout=10s")).toContain("deleted");
  },
);

test.skipIf(missing)(
  "kubectl works with a custom resource: columns, -w, apply, delete",
  { timeout: 60_000 },
  async () => {
    await kubectl("create", "-f", await manifest(widgetCrd()));
    await kubectl("wait", "--for=condition=Established", "crd/widgets.example.dev", "--timeout=5s");
    await kubectl("apply", "-f", await manifest(widget("w")));
    expect(await kubectl("get", "wd")).toMatch(/NAME\s+SIZE\s+PHASE\nw\s+3/);
    const watcher = spawn("kubectl", [...flags(), "get", "widgets", "-w"], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      let seen = "";
      let patched = false;
      for await (const chunk of watcher.stdout) {
        seen += String(chunk);
        if (!patched && /w\s+3/.test(seen)) {
          patched = true;
          await kubectl("apply", "-f", await manifest(widget("w", { size: 5 })));
        }
        if (/w\s+5/.test(seen)) break;
      }
      expect(seen).toMatch(/w\s+3[\s\S]*w\s+5/);
    } finally {
      watcher.kill();
    }
    await expect(kubectl("create", "-f", await manifest(widget("bad", { size: 50 })))).rejects.toThrow("spec.size");
    expect(await kubectl("delete", "crd", "widgets.example.dev", "--timeout=10s")).toContain("deleted");
  },
);

test.skipIf(missing)("kubectl makes tokens, and says who one is and what one may", { timeout: 60_000 }, async () => {
  const token = await kubectl("create", "token", "default", "--audience", "x", "--duration", "15m");
  expect(token.split(".")).toHaveLength(3);
  expect(await kubectl("auth", "whoami")).toMatch(/Username\s+homeplane-admin\nGroups\s+\[system:masters/);
  expect(await kubectl("auth", "can-i", "create", "pods")).toBe("yes\n");
  expect(await kubectl("auth", "can-i", "--list")).toContain("*.*");
});
