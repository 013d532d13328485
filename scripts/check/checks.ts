/** The checks that need no test run. Each is one program from node_modules, and counts as one test. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";

export interface Check {
  readonly name: string;
  /** Below node_modules/.bin, or absolute. */
  readonly program: string;
  readonly args: readonly string[];
}

export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
  /** Everything that it printed. */
  readonly output: string;
}

const checks: readonly Check[] = [
  { name: "type check", program: "tsc", args: ["-p", "."] },
  // Its own, as it runs in a browser: other libraries, no Node.
  { name: "type check of the console's page", program: "tsc", args: ["-p", "packages/console/src/web"] },
  { name: "lint", program: "oxlint", args: ["--type-aware", "--deny-warnings"] },
  { name: "format", program: "biome", args: ["format", "--colors=off", "."] },
  { name: "dead code", program: "knip", args: ["--no-progress", "--no-config-hints"] },
  { name: "generated docs", program: process.execPath, args: ["docs/generate.ts", "--check"] },
  { name: "generated files of the charts", program: process.execPath, args: ["deploy/generate.ts", "--check"] },
];

/** Each takes seconds; one that takes longer than this hangs. */
const longestMs = 10 * 60_000;

/** Never rejects: a check that can not be started has failed. */
function runCheck(root: string, { name, program, args }: Check): Promise<CheckResult> {
  const start = performance.now();
  const chunks: Buffer[] = [];
  const child = spawn(resolve(root, "node_modules/.bin", program), args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: longestMs,
  });
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    const end = (passed: boolean, more = ""): void => {
      const output = Buffer.concat(chunks).toString() + more;
      resolve({ name, passed, seconds: (performance.now() - start) / 1000, output });
    };
    child.once("error", (error) => end(false, `${error.message}\n`));
    child.once("close", (code, signal) => end(code === 0, signal === null ? "" : `ended by ${signal}\n`));
  });
}

/** Runs all, `atOnce` at a time, and reports each when it is done. */
export async function runChecks(
  root: string,
  atOnce: number,
  report: (result: CheckResult) => void,
): Promise<readonly CheckResult[]> {
  const waiting = [...checks];
  const results: CheckResult[] = [];
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const result = await runCheck(root, check);
      results.push(result);
      report(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

/** One line, and below it what a failed one printed. */
export function describeCheck({ name, passed, seconds, output }: CheckResult): string {
  const line = `${passed ? "ok    " : "FAILED"} ${name} (${seconds.toFixed(1)} s)\n`;
  return passed ? line : `${line}${output.trimEnd().replaceAll(/^/gm, "  | ")}\n`;
}
