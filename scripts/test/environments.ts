import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** The Python environments that only tests need: made by the launcher, as everything else. */
export function makeEnvironments(root: string): void {
  const launcher = join(root, "scripts/launch.mjs");
  const { status } = spawnSync(process.execPath, [launcher, "bootstrap", "--tests"], {
    stdio: "inherit",
    timeout: 15 * 60_000,
  });
  if (status !== 0) throw new Error("the tests' Python environments could not be made; the lines above say why");
}
