import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EmbeddedKube } from "./embedded-kube.ts";
import { Kubectl, kubectlSuite } from "./testing/kubectl.ts";
import { widget, widgetCrd } from "./testing/kube-fixture.ts";
import { temporaryKube } from "./testing/temporary.ts";

describe.skipIf(kubectlSuite.skip)(kubectlSuite.name, { timeout: 60_000 }, () => {
  let kube: EmbeddedKube & AsyncDisposable;
  let folder = "";
  let kubectl: Kubectl;

  beforeAll(async () => {
    kube = await temporaryKube();
    folder = await mkdtemp(join(tmpdir(), "kubectl-"));
    kubectl = new Kubectl(kube.kubeconfigPath, folder);
  });
  afterAll(async () => {
    await kube[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  test("works with a custom resource: columns, -w, apply, validation, delete", async () => {
    await kubectl.run("create", "-f", await kubectl.manifest(widgetCrd()));
    await kubectl.run("wait", "--for=condition=Established", "crd/widgets.example.dev", "--timeout=5s");
    await kubectl.run("apply", "-f", await kubectl.manifest(widget("w")));
    expect(await kubectl.run("get", "wd")).toMatch(/NAME\s+SIZE\s+PHASE\nw\s+3/);
    let seen = "";
    let patched = false;
    for await (seen of kubectl.follow("get", "widgets", "-w")) {
      if (!patched && /w\s+3/.test(seen)) {
        patched = true;
        await kubectl.run("apply", "-f", await kubectl.manifest(widget("w", { size: 5 })));
      }
      if (/w\s+5/.test(seen)) break;
    }
    expect(seen).toMatch(/w\s+3[\s\S]*w\s+5/);
    const bad = await kubectl.manifest(widget("bad", { size: 50 }));
    await expect(kubectl.run("create", "-f", bad)).rejects.toThrow("spec.size");
    expect(await kubectl.run("delete", "crd", "widgets.example.dev", "--timeout=10s")).toContain("deleted");
  });

  test("makes tokens, and says who one is and what one may", async () => {
    const token = await kubectl.run("create", "token", "default", "--audience", "x", "--duration", "15m");
    expect(token.split(".")).toHaveLength(3);
    expect(await kubectl.run("auth", "whoami")).toMatch(/Username\s+homeplane-admin\nGroups\s+\[system:masters/);
    expect(await kubectl.run("auth", "can-i", "create", "pods")).toBe("yes\n");
    expect(await kubectl.run("auth", "can-i", "--list")).toContain("*.*");
  });
});
