import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** The Python environments that only tests need: made by the launcher, as everything else. Returns why they could not be. */
export function makeEnvironments(root: string): string | undefined {
  const launcher = join(root, "scripts/launch.mjs");
  const { status } = spawnSync(process.execPath, [launcher, "bootstrap", "--tests"], {
    stdio: "inherit",
    timeout: 15 * 60_000,
  });
  return status === 0 ? undefined : "the tests' Python environments could not be made; the lines above say why";
}
