/** A homeplane of its own for a test file: the real program in a process of its own, on free ports and an empty data dir. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { DataProxyService } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { type Action, type ActionDetails } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import type { SmallDisk } from "./small-disk.ts";

const root = join(import.meta.dirname, "../..");
const main = join(root, "packages/cli/src/main.js");
export const python = join(root, ".tools/python/bin/python");
export const hasPython = existsSync(python);

/** An SDK that Homeplane supports: the Python that has it, for tasks and for the client. */
export interface Sdk {
  readonly version: string;
  readonly python: string;
}

/** The newest and the oldest: `describe.each(sdks)("... $version", (sdk) => ...)`. */
export const sdks: readonly Sdk[] = [
  { version: "2.12.1", python },
  { version: "2.5.8", python: join(root, ".tools/sdk-2.5.8/bin/python") },
];

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

export class TestHomeplane implements AsyncDisposable {
  readonly dataDir: string;
  readonly python: string;
  readonly #args: readonly string[];
  readonly #program: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #disk: SmallDisk | undefined;
  #process: ChildProcess | undefined;
  #endpoints: Endpoints | undefined;

  private constructor(dataDir: string, { sdk, args = [], program = [main], env = {} }: StartOptions) {
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

  /** Starts the program and waits for its line of JSON. */
  async up(): Promise<void> {
    const own = ["--port", "0", "--data-dir", this.dataDir, "--python", this.python, "--json"];
    const command = [...this.#prefix(root), process.execPath, ...this.#program, "up", ...own, ...this.#args];
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

  #prefix(cwd: string): readonly string[] {
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

  /** Runs a program with that environment; resolves with what it printed. */
  async run(
    program: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const cwd = join(import.meta.dirname, "tasks");
    const [file = "", ...rest] = [...this.#prefix(cwd), program, ...args];
    const child = spawn(file, rest, {
      cwd,
      env: { ...(await this.environment()), ...env },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    // Now and then the interpreter of a client, mostly of 2.5.8, aborts while it shuts down: its work is done and printed, its exit code alone is lost.
    // Whether it was done is what tests look at.
    if (signal === "SIGABRT" && !/Traceback|Error/.test(stdout + stderr)) {
      process.stderr.write(`${[program, ...args].join(" ")}: ended by SIGABRT while shutting down\n`);
      return { code: 0, stdout, stderr };
    }
    if (signal !== null) stderr += `\n(ended by ${signal})`;
    return { code, stdout, stderr };
  }

  /** The SDK's command line. */
  flyte(args: readonly string[], env: Record<string, string> = {}): ReturnType<TestHomeplane["run"]> {
    return this.run(join(this.python, "../flyte"), args, env);
  }

  /** Runs a feature of tasks/features.py, or of another file there that takes the same arguments, with the real SDK and waits for its end. */
  async feature(
    name: string,
    env: Record<string, string> = {},
    file = "features.py",
  ): Promise<{ run: string; phase: string; outputs: unknown[] | null }> {
    const { code, stdout, stderr } = await this.run(this.python, [file, name], env);
    // On a busy machine an SDK's process was seen to be ended by a signal while it shut down, all said and done.
    const complete = code === null && stdout.includes('{"phase":');
    if (code !== 0 && !complete) throw new Error(`${file} ${name} ended with ${code}:\n${stdout}\n${stderr}`);
    const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
    return Object.assign({}, ...lines.map((line) => JSON.parse(line) as object)) as {
      run: string;
      phase: string;
      outputs: unknown[] | null;
    };
  }

  /** Starts a feature and does not wait. */
  async startFeature(name: string, env: Record<string, string> = {}, file = "features.py"): Promise<string> {
    const { code, stdout, stderr } = await this.run(this.python, [file, name, "--no-wait"], env);
    if (code !== 0) throw new Error(`${file} ${name} ended with ${code}:\n${stdout}\n${stderr}`);
    const line = stdout.split("\n").find((candidate) => candidate.startsWith("{")) ?? "{}";
    return (JSON.parse(line) as { run: string }).run;
  }

  get runs(): Client<typeof RunService> {
    return createClient(
      RunService,
      createConnectTransport({ baseUrl: this.endpoints.controlPlane, httpVersion: "1.1" }),
    );
  }

  get data(): Client<typeof DataProxyService> {
    return createClient(
      DataProxyService,
      createConnectTransport({ baseUrl: this.endpoints.controlPlane, httpVersion: "1.1" }),
    );
  }

  actionId(run: string, action = "a0") {
    return { run: { project: "flytesnacks", domain: "development", name: run }, name: action };
  }

  async details(run: string, action = "a0"): Promise<ActionDetails> {
    const { details } = await this.runs.getActionDetails({ actionId: this.actionId(run, action) });
    if (details === undefined) throw new Error("no details");
    return details;
  }

  /** The first output, where it is a text. */
  async textOutput(run: string, action = "a0"): Promise<string | undefined> {
    const { outputs } = await this.data.getActionData({ actionId: this.actionId(run, action) });
    const value = outputs?.literals[0]?.value?.value;
    const scalar = value?.case === "scalar" ? value.value.value : undefined;
    const primitive = scalar?.case === "primitive" ? scalar.value.value : undefined;
    return primitive?.case === "stringValue" ? primitive.value : undefined;
  }

  async actions(run: string): Promise<readonly Action[]> {
    const { actions } = await this.runs.listActions({ runId: this.actionId(run).run, request: { limit: 1000 } });
    return actions;
  }

  /** The whole log of an attempt, with the time at which each line came. */
  async log(run: string, action = "a0", attempt = 1): Promise<{ text: string; at: number }[]> {
    const lines: { text: string; at: number }[] = [];
    for await (const { logs } of this.data.tailLogs({ actionId: this.actionId(run, action), attempt })) {
      for (const entry of logs) for (const { message } of entry.lines) lines.push({ text: message, at: Date.now() });
    }
    return lines;
  }
}

/** Asks again until `ready` gives something; fails after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  ready: () => Promise<T | undefined | false>,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await ready();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
