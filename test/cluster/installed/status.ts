/** `homeplane status` of an installation. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { eventually } from "../../sdk/eventually.ts";
import { components, controlPlaneNamespace, dataPlaneNamespace } from "./install.ts";
import type { InstalledHomeplane } from "./installed-homeplane.ts";
import { helm } from "./kubectl.ts";

const root = join(import.meta.dirname, "../../..");
const main = join(root, "packages/cli/src/main.js");
const run = promisify(execFile);

export function statusPromises(homeplane: () => InstalledHomeplane): void {
  /** Ends with 1 where something is not ready. */
  const status = async (namespace: string): Promise<string> => {
    const args = [main, "status", "--namespace", namespace, "--kubeconfig", homeplane().cluster.kubeconfig];
    return await run(process.execPath, args, { timeout: 60_000 }).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error as { stdout?: string }).stdout ?? String(error),
    );
  };

  test("`homeplane status` has each component say itself that it works", async () => {
    const text = await status(dataPlaneNamespace);
    const ready = [...text.matchAll(/^ {2}(\S+) +ready {6}\S+$/gm)].map(([, component]) => component);
    expect(new Set(ready), text).toEqual(new Set(components));
    expect(text).not.toContain("can not be asked");
    expect(await status(controlPlaneNamespace)).toMatch(/control-plane +ready/);
  });

  test("an upgrade to a bucket that is not there leaves the old pods at work, and the new ones say which call was refused", async () => {
    const { cluster } = homeplane();
    const upgrade = ["upgrade", "homeplane", join(root, "deploy/chart"), "-n", dataPlaneNamespace, "--reuse-values"];
    await helm(cluster, [...upgrade, "--set", "objectStore.metadataBucket=nowhere"]);
    try {
      const text = await eventually("the new executor says so", 60_000, async () => {
        const found = await status(dataPlaneNamespace);
        return /executor +not ready .*\n +\S.*nowhere/.test(found) && found;
      });
      expect(text).toMatch(/executor +ready/);
      expect(text).toMatch(/nowhere.*(404|NoSuchBucket)/);
    } finally {
      await helm(cluster, ["rollback", "homeplane", "-n", dataPlaneNamespace]);
    }
    await eventually(
      "all are ready again",
      120_000,
      async () => !(await status(dataPlaneNamespace)).includes("not ready"),
    );
  });
}
