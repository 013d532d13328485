/** One program of a cluster: started with its own log, stopped by its pid, waited for. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** The API server finishes its open requests first. */
const patienceMs = 20_000;

export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #log: string;
  readonly #name: string;

  /** `program`'s own name says which of its programs it is, so it must be a link of that name. */
  constructor(program: string, args: readonly string[], folder: string) {
    const name = basename(program);
    this.#name = name;
    this.#log = join(folder, `${name}.log`);
    const output = openSync(this.#log, "a");
    this.#process = spawn(program, args, { cwd: folder, stdio: ["ignore", output, output] });
    this.#process.once("error", () => undefined);
  }

  /** Asks until `ready` says so. Fails as soon as the program has ended, with the end of its log. */
  async until(what: string, timeoutMs: number, ready: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!(await ready().catch(() => false))) {
      const { exitCode, signalCode } = this.#process;
      if (exitCode !== null || signalCode !== null) throw this.#failure(`ended with ${exitCode ?? signalCode}`);
      if (Date.now() > end) throw this.#failure(`${what}: not within ${timeoutMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #failure(problem: string): Error {
    return new Error(`${this.#name} ${problem}\n${readFileSync(this.#log, "utf8").slice(-2_000)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#process;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill("SIGTERM");
    const last = setTimeout(() => child.kill("SIGKILL"), patienceMs);
    await closed;
    clearTimeout(last);
  }
}
