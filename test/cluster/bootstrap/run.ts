import { spawn } from "node:child_process";
import { once } from "node:events";

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** A command to its end: what it printed, or an error with what it said. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input = "", cwd, env, timeoutMs = 60_000 } = options;
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, timeout: timeoutMs });
  const chunks = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (chunks.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (chunks.err += text));
  child.stdin.on("error", () => undefined).end(input);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (code === 0) return chunks.out;
  const command = [program, ...args].join(" ").slice(0, 300);
  throw new Error(`${command}: ended with ${code ?? signal}\n${(chunks.err || chunks.out).slice(-2_000)}`);
}

/** Whether the command ends well. */
export const succeeds = (program: string, ...args: string[]): Promise<boolean> =>
  run(program, args).then(
    () => true,
    () => false,
  );
