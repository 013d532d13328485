/** Runs a program of the system; what it says is in the error when it fails. */
import { spawn } from "node:child_process";

export interface ToolOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
  /** Where to get it. */
  readonly install: string;
}

/** Enough of what a tool says to tell why it failed. */
const lastChars = 4000;

/** Resolves with its standard output. */
export async function runTool(file: string, args: readonly string[], options: ToolOptions): Promise<string> {
  const { cwd, env = process.env, timeoutMs = 120_000, install } = options;
  const child = spawn(file, args, {
    cwd,
    env,
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-lastChars)));
  const code = await new Promise<number | string>((resolve) => {
    child.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    child.once("close", (exit, signal) => resolve(exit ?? String(signal)));
  });
  if (code === 0) return stdout;
  if (code === "ENOENT") throw new Error(`${file} is missing.\n  What to do: ${install}`);
  const why = code === "SIGKILL" ? `did not end within ${timeoutMs / 1000} s` : `failed (${code})`;
  throw new Error(`${file} ${args.slice(0, 3).join(" ")} ${why}:\n${(stderr || stdout).trim()}`);
}
