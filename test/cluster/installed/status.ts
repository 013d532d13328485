/** `homeplane status` of an installation. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { controlPlaneNamespace, dataPlaneNamespace } from "./install.ts";
import type { InstalledHomeplane } from "./installed-homeplane.ts";

const main = join(import.meta.dirname, "../../../packages/cli/src/main.js");
const run = promisify(execFile);

export function statusPromises(homeplane: () => InstalledHomeplane): void {
  const status = async (namespace: string): Promise<string> => {
    const args = [main, "status", "--namespace", namespace, "--kubeconfig", homeplane().cluster.kubeconfig];
    return (await run(process.execPath, args, { timeout: 60_000 })).stdout;
  };

  test("`homeplane status` has each component say itself that it works", async () => {
    const text = await status(dataPlaneNamespace);
    const ready = [...text.matchAll(/^ {2}(\S+) +ready {6}\S+$/gm)].map(([, component]) => component);
    expect(new Set(ready), text).toEqual(
      new Set([
        "executor",
        "log-provider",
        "object-store-service",
        "operator",
        "secret-service",
        "task-gateway",
        "tunnel-service",
      ]),
    );
    expect(text).not.toContain("can not be asked");
    expect(await status(controlPlaneNamespace)).toMatch(/control-plane +ready/);
  });
}
