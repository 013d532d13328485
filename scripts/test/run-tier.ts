import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Counts, countsOf } from "./counts.ts";
import type { TierName } from "./tiers.ts";

/** A tier that takes longer hangs: it is ended, and counts as failed. */
const longestMs = 50 * 60_000;

/** Runs vitest in this terminal; rejects only when the temporary folder fails. */
export async function runTier(root: string, name: TierName, filters: readonly string[]): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "homeplane-test-"));
  const report = join(folder, "report.json");
  try {
    // There is one cluster for all, and some of its tests break it on purpose.
    const order = name === "cluster" ? ["--no-file-parallelism"] : [];
    const args = [
      "run",
      "--project",
      name,
      ...order,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    ];
    const exitCode = await run(join(root, "node_modules/vitest/vitest.mjs"), [...args, ...filters], root);
    return countsOf(existsSync(report) ? readFileSync(report, "utf8") : undefined, exitCode);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(script: string, args: readonly string[], cwd: string): Promise<number> {
  const child = spawn(process.execPath, [script, ...args], { cwd, stdio: "inherit", timeout: longestMs });
  return new Promise((resolve) => {
    child.once("error", (error) => {
      process.stderr.write(`vitest could not be started: ${error.message}\n`);
      resolve(1);
    });
    child.once("close", (code) => resolve(code ?? 1));
  });
}
