/** Starts a program with mounts that it alone sees, by way of enter_mounts.py. */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Cgroup } from "./cgroups.ts";
import { inCgroup } from "./join-cgroup.ts";
import type { Mount } from "./mounts.ts";
import type { Program } from "./program.ts";
import { exitOf, type SpawnAnswer } from "./spawn-container.ts";

const helper = join(import.meta.dirname, "enter_mounts.py");
/** Of what the helper says when it fails. */
const maxAnswer = 64 * 1024;

/** Or this machine does not let us. */
export type PrivateStart = SpawnAnswer | { readonly kind: "notPermitted"; readonly message: string };

export interface PrivateStartOptions {
  readonly python: string;
  readonly program: Program;
  readonly env: Record<string, string>;
  readonly cwd: string;
  /** An empty folder of its own, or none yet. */
  readonly staging: string;
  readonly mounts: readonly Mount[];
  readonly cgroup?: Cgroup;
  readonly stdout: number;
  readonly stderr: number;
  /** Ends it while it is not yet the program. */
  readonly signal: AbortSignal;
}

export async function startPrivately(options: PrivateStartOptions): Promise<PrivateStart> {
  const { python, program, env, staging, cgroup, stdout, stderr, signal } = options;
  const plain: Program = { file: python, argv0: python, args: ["-I", "-S", helper] };
  const { file, args } = cgroup === undefined ? plain : inCgroup(plain, env, cgroup, true);
  await mkdir(staging, { recursive: true, mode: 0o700 });
  return await new Promise((resolve) => {
    const failed = (error: unknown): void => resolve({ kind: "failed", message: `${python}: ${String(error)}` });
    try {
      const child = spawn(file, [...args], {
        env,
        cwd: "/",
        detached: true,
        stdio: ["ignore", stdout, stderr, "pipe"],
      });
      const exited = exitOf(child);
      child.once("error", failed);
      child.once("spawn", () => {
        const channel = child.stdio[3] as Duplex;
        const kill = (): void => void child.kill("SIGKILL");
        signal.addEventListener("abort", kill, { once: true });
        if (signal.aborted) kill();
        const chunks: Buffer[] = [];
        let size = 0;
        channel.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size <= maxAnswer) chunks.push(chunk);
        });
        // It may end before it has read all: then it said why, or was killed, which its exit tells.
        channel.on("error", () => undefined);
        channel.once("close", () => {
          signal.removeEventListener("abort", kill);
          const said = Buffer.concat(chunks).toString();
          if (said === "") resolve({ kind: "started", process: { pid: child.pid ?? 0, exited } });
          else resolve(answered(said, program));
        });
        channel.write(`${order(options)}\n`);
      });
    } catch (error) {
      failed(error);
    }
  });
}

function order({ program, cwd, staging, mounts }: PrivateStartOptions): string {
  return JSON.stringify({
    ...{ file: program.file, argv: [program.argv0, ...program.args], cwd, staging },
    mounts: mounts.map(({ source, ...mount }) =>
      "folder" in source
        ? { ...mount, folder: source.folder }
        : { ...mount, files: source.files.map((one) => ({ ...one, content: one.content.toString("base64") })) },
    ),
  });
}

function answered(said: string, program: Program): PrivateStart {
  try {
    const { notPermitted, failed } = JSON.parse(said) as { notPermitted?: string; failed?: string };
    if (notPermitted !== undefined) return { kind: "notPermitted", message: notPermitted };
    return { kind: "failed", message: `exec: "${program.argv0}": ${failed} (${program.file})` };
  } catch {
    return { kind: "failed", message: `the start with mounts failed: ${said}` };
  }
}
