/** The checks and every tier of tests, one after the other; see {@link usage}. Run: npm test */
import { join } from "node:path";
import { describeCheck, runChecks } from "./check/checks.ts";
import { addCounts, type Counts, noCounts, succeeded, summaryOf } from "./test/counts.ts";
import { runTier } from "./test/run-tier.ts";
import { provideCluster } from "./test/full-cluster.ts";
import { makeEnvironments } from "./test/environments.ts";
import { type Selection, selectionOf, usage } from "./test/selection.ts";
import { filesOf, minutes, obstacleOf, type TierName, tiers } from "./test/tiers.ts";

const root = join(import.meta.dirname, "..");
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    say(usage);
    return 0;
  }
  const selection = selectionOf(args);
  let counts = selection.check ? await countChecks() : noCounts;
  const notes: string[] = [];
  for (const name of selection.tiers) {
    const { more, note } = await countTier(name, selection);
    counts = addCounts(counts, more);
    if (note !== undefined) notes.push(note);
  }
  say("");
  for (const note of notes) say(note);
  say(summaryOf(counts));
  return succeeded(counts) ? 0 : 1;
}

async function countChecks(): Promise<Counts> {
  say("== check");
  const results = await runChecks(root, 2, (result) => process.stdout.write(describeCheck(result)));
  const passed = results.filter((result) => result.passed).length;
  return { passed, failed: results.length - passed, skipped: 0 };
}

/** More than the one environment that tasks run in. */
const usesPython: ReadonlySet<TierName> = new Set(["sdk", "cluster"]);

async function countTier(name: TierName, { filters }: Selection): Promise<{ more: Counts; note?: string }> {
  const files = tiers.filter((tier) => tier.name === name).flatMap((tier) => filesOf(root, tier, filters));
  if (files.length === 0) return { more: noCounts, note: `not run: ${name}: there are no such tests` };
  const obstacle = obstacleOf(root, name) ?? (usesPython.has(name) ? makeEnvironments(root) : undefined);
  if (obstacle !== undefined) {
    // How many tests are in them is known to vitest only; each file counts as one.
    const note = `not run: ${name} (${files.length} files, counted as skipped): ${obstacle}`;
    return { more: { ...noCounts, skipped: files.length }, note };
  }
  const { cold, warm } = minutes[name];
  say(`\n== ${name}: the whole takes some ${warm} min on two quiet cores, the first time ${cold}`);
  return name === "cluster" ? await countClusterTier(files) : { more: await runTier(root, name, filters) };
}

async function countClusterTier(files: readonly string[]): Promise<{ more: Counts; note?: string }> {
  const { left, reason, isFailure, down } = provideCluster(root, files, process.env["CI"] !== undefined);
  try {
    const run = files.filter((file) => !left.includes(file));
    const counts = run.length === 0 ? noCounts : await runTier(root, "cluster", run);
    const fate = isFailure ? "failed" : "skipped";
    const more = addCounts(counts, { ...noCounts, [fate]: left.length });
    return reason === undefined
      ? { more }
      : { more, note: `not run: ${left.length} files that need the full cluster, counted as ${fate}: ${reason}` };
  } finally {
    down?.();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
