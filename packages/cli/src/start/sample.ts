/** Runs the sample workflow with the real SDK, as a user would, and shows what happens while it does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { storeEnvironment } from "../up/object-store.ts";
import type { Running } from "../up/up.ts";
import { watchRun } from "./watch-run.ts";

export const sample = join(import.meta.dirname, "../../../../examples/hello.py");
/** A first run on a slow machine takes seconds; past this something is wrong. */
const timeoutMs = 180_000;
/** The SDK prints its last words after the run has ended. */
const lastLines = 20;

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

/** True when the run succeeded and its result was read back. */
export async function runSample({ endpoints, paths, python, homeplane }: Running, stop: AbortSignal): Promise<boolean> {
  say(`Running examples/hello.py with flyte ${python.flyteVersion}:\n`);
  const begun = Date.now();
  const { PATH = "", HOME = "", LANG = "C.UTF-8" } = process.env;
  const store = storeEnvironment(endpoints.objectStore, homeplane.credentials);
  const child = spawn(python.python, [sample], {
    env: { PATH, HOME, LANG, FLYTECTL_CONFIG: paths.flyteConfig, PYTHONUNBUFFERED: "1", ...store },
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]),
  });
  const ended = once(child, "close") as Promise<[number | null]>;
  const output: string[] = [];
  let watching: Promise<boolean> | undefined;
  let result: string | undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const [word, ...rest] = line.split(" ");
    const value = rest.join(" ");
    if (word === "run")
      watching = watchRun(endpoints.controlPlane, { project: "flytesnacks", domain: "development", run: value }, stop);
    else if (word === "url") say(`  watch it at ${value}\n`);
    else if (word === "result") result = value;
    else output.push(line);
  });
  createInterface({ input: child.stderr }).on("line", (line) => output.push(line));
  try {
    const [exitCode] = await ended;
    const succeeded = (await watching) ?? false;
    if (exitCode === 0 && succeeded && result !== undefined) {
      say(`\nResult: ${result}   (${((Date.now() - begun) / 1000).toFixed(1)} s in all)`);
      return true;
    }
    say(`\nThe sample failed (exit code ${exitCode}). The SDK's last words:\n${output.slice(-lastLines).join("\n")}`);
  } catch (error) {
    if (stop.aborted) return false;
    say(
      `\nThe sample did not end: ${error instanceof Error ? error.message : String(error)}\n${output.slice(-lastLines).join("\n")}`,
    );
  }
  return false;
}
