import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { messageOf } from "@homeplane/runtime-kit";
import type { Cgroup } from "./cgroups.ts";
import { HANDOVER_FD, inCgroup } from "./join-cgroup.ts";
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

/** For what a process prints. It writes to files, not to pipes: when homeplane dies, a pipe would end it with SIGPIPE in the middle of its work. */
export async function withLogFiles<T>(folder: string, use: (stdout: number, stderr: number) => Promise<T>): Promise<T> {
  const out = await open(rawFile(folder, "stdout"), "a");
  try {
    const err = await open(rawFile(folder, "stderr"), "a");
    try {
      return await use(out.fd, err.fd);
    } finally {
      await err.close();
    }
  } finally {
    await out.close();
  }
}

export type SpawnAnswer =
  | { readonly kind: "started"; readonly process: StartedProcess }
  | { readonly kind: "failed"; readonly message: string };

interface SpawnOptions {
  readonly env: Record<string, string>;
  readonly cwd: string;
  /** Where it is to run; absent: it stays where we are. */
  readonly cgroup?: Cgroup;
}

/** Starts the program as the leader of its own session. */
export function startProcess(
  program: Program,
  how: SpawnOptions & { readonly logFolder: string },
): Promise<SpawnAnswer> {
  return withLogFiles(how.logFolder, (stdout, stderr) => launch(program, how, stdout, stderr));
}

export function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((ended) => {
    child.once("exit", (code, signal) =>
      ended({ ...(code === null ? {} : { code }), ...(signal === null ? {} : { signal }) }),
    );
  });
}

function launch(program: Program, how: SpawnOptions, stdout: number, stderr: number): Promise<SpawnAnswer> {
  return new Promise((resolve) => {
    const failed = (error: unknown): void =>
      resolve({ kind: "failed", message: `exec: "${program.argv0}": ${messageOf(error)} (${program.file})` });
    const { cgroup, env, cwd } = how;
    const { file, args, argv0 } = cgroup === undefined ? program : inCgroup(program, env, cgroup);
    try {
      const child = spawn(file, [...args], {
        argv0,
        env,
        cwd,
        detached: true,
        stdio: ["ignore", stdout, stderr, ...(cgroup === undefined ? [] : (["pipe"] as const))],
      });
      const exited = exitOf(child);
      const started = (): void => resolve({ kind: "started", process: { pid: child.pid ?? 0, exited } });
      const handover = child.stdio[HANDOVER_FD];
      child.once("error", failed);
      if (handover instanceof Readable) handover.once("close", started).resume();
      else child.once("spawn", started);
    } catch (error) {
      // E2BIG and NUL bytes are thrown, not emitted.
      failed(error);
    }
  });
}
