import { spawn } from "node:child_process";
import { mkdir, open } from "node:fs/promises";
import { messageOf } from "@homeplane/runtime-kit";
import { criFile, rawFile, STREAMS } from "./log-files.ts";
import type { Program } from "./program.ts";

export interface Exit {
  /** Absent when a signal ended it. */
  readonly code?: number;
  readonly signal?: NodeJS.Signals;
}

export interface StartedProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
}

/** Makes the files that the container prints to, and the log that is made of them. */
export async function createLogFiles(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const file of [criFile(folder), ...STREAMS.map((stream) => rawFile(folder, stream))]) {
    await (await open(file, "a", 0o600)).close();
  }
}

/**
 * Starts the program as the leader of its own session. It writes to files, not to pipes: when homeplane dies, a pipe would end
 * it with SIGPIPE in the middle of its work. Gives a sentence when it can not be started.
 */
export async function startProcess(
  program: Program,
  how: { readonly env: Record<string, string>; readonly cwd: string; readonly logFolder: string },
): Promise<StartedProcess | string> {
  const out = await open(rawFile(how.logFolder, "stdout"), "a");
  try {
    const err = await open(rawFile(how.logFolder, "stderr"), "a");
    try {
      return await launch(program, how, out.fd, err.fd);
    } finally {
      await err.close();
    }
  } finally {
    await out.close();
  }
}

function launch(
  program: Program,
  how: { readonly env: Record<string, string>; readonly cwd: string },
  stdout: number,
  stderr: number,
): Promise<StartedProcess | string> {
  return new Promise((resolve) => {
    const failed = (error: unknown): void => resolve(`exec: "${program.argv0}": ${messageOf(error)} (${program.file})`);
    try {
      const child = spawn(program.file, [...program.args], {
        argv0: program.argv0,
        env: how.env,
        cwd: how.cwd,
        detached: true,
        stdio: ["ignore", stdout, stderr],
      });
      const exited = new Promise<Exit>((ended) => {
        child.once("exit", (code, signal) =>
          ended({ ...(code === null ? {} : { code }), ...(signal === null ? {} : { signal }) }),
        );
      });
      child.once("error", failed);
      child.once("spawn", () => resolve({ pid: child.pid ?? 0, exited }));
    } catch (error) {
      // E2BIG and NUL bytes are thrown, not emitted.
      failed(error);
    }
  });
}
