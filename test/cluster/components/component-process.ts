/** One component as its own process, from a configuration file, as a pod runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const main = join(import.meta.dirname, "../../../packages/cli/src/main.js");

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
}

export class ComponentProcess implements AsyncDisposable {
  readonly name: string;
  readonly #config: string;
  readonly #log: string;
  readonly #probes: string;
  #child: ChildProcess | undefined;

  constructor(name: string, folder: string, config: object, probePort: number) {
    this.name = name;
    this.#config = join(folder, `${name}.yaml`);
    this.#log = join(folder, `${name}.log`);
    this.#probes = `http://127.0.0.1:${probePort}`;
    writeFileSync(this.#config, JSON.stringify(config));
  }

  start(): void {
    const output = openSync(this.#log, "a");
    const args = [main, this.name, "--config", this.#config];
    this.#child = spawn(process.execPath, args, {
      stdio: ["ignore", output, "inherit"],
      env: { PATH: process.env["PATH"] },
    });
    closeSync(output);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Each line of the log, as it is written. */
  lines(): readonly Readonly<Record<string, unknown>>[] {
    const whole = readFileSync(this.#log, "utf8").split("\n").slice(0, -1);
    return whole.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async readiness(): Promise<Readiness> {
    return (await (await fetch(`${this.#probes}/readyz`)).json()) as Readiness;
  }

  async get(path: string): Promise<string> {
    return (await fetch(`${this.#probes}${path}`)).text();
  }

  async untilReady(timeoutMs = 60_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    for (let last: unknown = "no answer"; ; await sleep(100)) {
      const answer = await this.readiness().catch(() => undefined);
      if (answer?.ready === true) return;
      last = answer ?? last;
      const ended = this.#child?.exitCode ?? this.#child?.signalCode ?? null;
      if (ended !== null || Date.now() > end)
        throw new Error(
          `${this.name} is not ready (exit ${ended}): ${JSON.stringify(last)}\n${readFileSync(this.#log, "utf8").slice(-3_000)}`,
        );
    }
  }

  /** The exit code, or the signal that ended it. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<number | string | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    }
    return child.exitCode ?? child.signalCode;
  }

  /** Waits for its own end. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (child?.exitCode === null) await once(child, "exit");
    return child?.exitCode ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }
}
