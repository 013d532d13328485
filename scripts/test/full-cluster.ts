/** The full test cluster, for those files of the cluster tier that use it: up before the tier, down after it if it was not up before. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { full } from "../../test/cluster/bootstrap/layout.ts";
import { obstacles } from "../../test/cluster/bootstrap/machine.ts";
import { runsAny } from "../../test/cluster/bootstrap/status.ts";

/** Everything is built first: 25 minutes on a machine that has never seen it. */
const longestMs = 60 * 60_000;

export interface FullCluster {
  /** Files that can not run, and why. */
  readonly left: readonly string[];
  readonly reason?: string;
  /** What is left counts as failed, not as skipped. */
  readonly isFailure: boolean;
  /** Undefined: it was up before, and stays. */
  readonly down?: () => void;
}

/** @param required where it is not optional, such as in CI, a machine that lacks something has failed */
export function provideCluster(root: string, files: readonly string[], required: boolean): FullCluster {
  const users = files.filter((file) => readFileSync(join(root, file), "utf8").includes("/real-cluster.ts"));
  if (users.length === 0) return { left: [], isFailure: false };
  const lacking = obstacles();
  if (lacking.length > 0) return { left: users, reason: lacking.join("; "), isFailure: required };
  const command = (name: string): number | null =>
    spawnSync(process.execPath, [join(root, "test/cluster/bootstrap/main.ts"), name], {
      stdio: "inherit",
      timeout: longestMs,
    }).status;
  const wasUp = runsAny(full);
  const down = wasUp ? {} : { down: (): void => void command("down") };
  if (command("up") === 0) return { left: [], isFailure: false, ...down };
  return { left: users, reason: "the cluster did not come up; the lines above say why", isFailure: true, ...down };
}
