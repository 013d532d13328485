/** The package as a user has it: made, installed with npm, and run with nothing of the checkout in its environment. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { findProgram } from "../../scripts/bootstrap/find-program.mjs";
import { LaunchError } from "../../scripts/bootstrap/launch-error.mjs";
import { npmCommand } from "../../scripts/bootstrap/npm-command.mjs";
import { explainLogged, runLogged } from "../../scripts/bootstrap/run-logged.mjs";
import { makePackage } from "../../scripts/pack/make-package.ts";

export const root = join(import.meta.dirname, "../..");
export const python = join(root, ".tools/python/bin/python");

/** The Node of the machine, not one of the checkout's. */
export const systemNode = findProgram(
  "node",
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => !folder.startsWith(root))
    .join(delimiter),
);

/** Leaves time for the tests within a minute. */
const longestInstallMs = 40_000;
/** A registry that can not be reached is known after seconds; the log says what npm waits for. */
const installOptions = [
  "--no-audit",
  "--no-fund",
  "--ignore-scripts",
  "--prefer-offline",
  "--fetch-retries=1",
  "--fetch-retry-mintimeout=500",
  "--fetch-retry-maxtimeout=1000",
  "--loglevel=http",
];

export interface Endpoints {
  readonly controlPlane: string;
  readonly pid: number;
}

export interface Ended {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export class InstalledPackage implements AsyncDisposable {
  readonly temporary: string;
  readonly tarball: string;
  readonly home: string;
  readonly dataDir: string;

  private constructor(temporary: string, tarball: string) {
    this.temporary = temporary;
    this.tarball = tarball;
    this.home = join(temporary, "home");
    this.dataDir = join(temporary, "data");
  }

  static async make(): Promise<InstalledPackage> {
    const temporary = await mkdtemp(join(tmpdir(), "homeplane-installed-"));
    try {
      await mkdir(join(temporary, "home"));
      return new InstalledPackage(temporary, await makePackage(root, temporary));
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw error;
    }
  }

  get modules(): string {
    return join(this.temporary, "prefix/node_modules");
  }

  /** Undefined when it is installed; otherwise why the registry can not be reached. Any other failure is thrown. */
  async install(): Promise<string | undefined> {
    const npm = npmCommand(process.env);
    const args = [...npm.args, "install", "--prefix", join(this.temporary, "prefix"), ...installOptions, this.tarball];
    const log = join(this.temporary, "npm.log");
    const command = { step: "the package", tool: "npm", file: npm.file, args, log } as const;
    const signal = AbortSignal.timeout(longestInstallMs);
    try {
      await runLogged({ ...command, cwd: this.temporary, env: process.env }, signal);
      return undefined;
    } catch (error) {
      const failure = signal.aborted ? explainLogged(command, "took too long") : error;
      if (failure instanceof LaunchError && failure.code === "NoNetwork") return failure.message;
      throw failure;
    }
  }

  /** The shell finds `node` first where this one is. */
  #environment(node: string): NodeJS.ProcessEnv {
    return { PATH: `${dirname(node)}${delimiter}/usr/bin${delimiter}/bin`, HOME: this.home };
  }

  get #command(): string {
    return join(this.modules, ".bin/homeplane");
  }

  run(node: string, ...args: string[]): Promise<Ended> {
    return ended(this.#command, [...args, "--data-dir", this.dataDir, "--json"], this.#environment(node));
  }

  /** The sample, on a data dir of its own. */
  start(node: string): Promise<Ended> {
    const args = ["start", "--once", "--port", "0", "--data-dir", join(this.temporary, "sample"), "--python", python];
    return ended(this.#command, args, this.#environment(node));
  }

  /** Resolves when it is ready. */
  async up(node: string): Promise<{ child: ChildProcess; endpoints: Endpoints }> {
    const args = ["up", "--port", "0", "--data-dir", this.dataDir, "--python", python, "--json"];
    const child = spawn(this.#command, args, { env: this.#environment(node), stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), "line", { signal: AbortSignal.timeout(30_000) }),
      once(child, "exit").then(([code]) => Promise.reject(new Error(`homeplane up ended with ${code}`))),
    ])) as [string];
    return { child, endpoints: JSON.parse(line) as Endpoints };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.temporary, { recursive: true, force: true });
  }
}

/** Runs to the end, whatever that is. */
export function ended(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(file, args, { env, timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? "killed"), stdout, stderr }),
    );
  });
}
