/** A homeplane of its own for a test file: the real program in a process of its own, on free ports and an empty data dir. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { python, root, type Sdk, SdkClient } from "./sdk-client.ts";
import type { SmallDisk } from "./small-disk.ts";

export { eventually } from "./eventually.ts";
export { hasPython, python, type Sdk, sdks } from "./sdk-client.ts";

const main = join(root, "packages/cli/src/main.js");

export interface StartOptions {
  /** The newest by default. */
  readonly sdk?: Sdk;
  /** What is started in the place of the command line, with its first arguments. */
  readonly program?: readonly [string, ...string[]];
  /** More arguments for `homeplane up`. */
  readonly args?: readonly string[];
  /** More of homeplane's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Makes, on the new data dir, the disk that it is on. */
  readonly disk?: (dataDir: string) => Promise<SmallDisk>;
}

export interface Endpoints {
  readonly controlPlane: string;
  readonly objectStore: string;
  readonly kubeconfig: string;
  readonly pid: number;
}

export class TestHomeplane extends SdkClient implements AsyncDisposable {
  readonly dataDir: string;
  readonly python: string;
  readonly #args: readonly string[];
  readonly #program: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #disk: SmallDisk | undefined;
  #process: ChildProcess | undefined;
  #endpoints: Endpoints | undefined;

  private constructor(dataDir: string, { sdk, args = [], program = [main], env = {} }: StartOptions) {
    super();
    this.#env = env;
    this.dataDir = dataDir;
    this.python = sdk?.python ?? python;
    this.#args = args;
    this.#program = program;
  }

  static async start(options: StartOptions = {}): Promise<TestHomeplane> {
    const homeplane = new TestHomeplane(await mkdtemp(join(tmpdir(), "homeplane-sdk-")), options);
    homeplane.#disk = await options.disk?.(homeplane.dataDir);
    await homeplane.up();
    return homeplane;
  }

  get endpoints(): Endpoints {
    if (this.#endpoints === undefined) throw new Error("homeplane is not up");
    return this.#endpoints;
  }

  get controlPlane(): string {
    return this.endpoints.controlPlane;
  }

  /** Starts the program and waits for its line of JSON. */
  async up(): Promise<void> {
    const own = ["--port", "0", "--data-dir", this.dataDir, "--python", this.python, "--json"];
    const command = [...this.prefix(root), process.execPath, ...this.#program, "up", ...own, ...this.#args];
    const [program = "", ...args] = command;
    const child = spawn(program, args, { env: { ...process.env, ...this.#env }, stdio: ["ignore", "pipe", "inherit"] });
    this.#process = child;
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), "line", { signal: AbortSignal.timeout(30_000) }),
      once(child, "exit").then(([code]) => Promise.reject(new Error(`homeplane up ended with ${code}`))),
    ])) as [string];
    this.#endpoints = JSON.parse(line) as Endpoints;
  }

  async stop(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGTERM");
    this.#disk?.[Symbol.dispose]();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  protected override prefix(cwd: string): readonly string[] {
    return this.#disk?.prefix(cwd) ?? [];
  }

  /** What `source <data dir>/env` gives a user. */
  async environment(): Promise<Record<string, string>> {
    const lines = (await readFile(join(this.#disk?.outside ?? this.dataDir, "env"), "utf8"))
      .split("\n")
      .filter((line) => line !== "");
    const pairs = lines.flatMap((line) => {
      const [, name, value] = /^export (\w+)='(.*)'$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    });
    const home = join(this.dataDir, "home");
    return {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      PYTHONUNBUFFERED: "1",
      ...Object.fromEntries(pairs),
    };
  }
}
