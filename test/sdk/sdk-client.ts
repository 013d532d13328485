/** The unmodified SDK and its command line as a user has them, and what the API answers beside them; against any homeplane. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { DataProxyService } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { type Action, type ActionDetails } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";

export const root = join(import.meta.dirname, "../..");
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

export abstract class SdkClient {
  abstract readonly python: string;
  /** In which its runs are. */
  readonly project: string;

  constructor(project = "flytesnacks") {
    this.project = project;
  }

  /** Where the clients' API is, as a URL. */
  abstract get controlPlane(): string;
  /** What the user has set. */
  abstract environment(): Promise<Record<string, string>>;

  /** What a program is started under. */
  protected prefix(_cwd: string): readonly string[] {
    return [];
  }

  /** Runs a program with that environment; resolves with what it printed. */
  async run(
    program: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const cwd = join(import.meta.dirname, "tasks");
    const [file = "", ...rest] = [...this.prefix(cwd), program, ...args];
    const child = spawn(file, rest, {
      cwd,
      // A process that a signal ends says where it was.
      env: { PYTHONFAULTHANDLER: "1", ...(await this.environment()), ...env },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    // Now and then the interpreter of a client aborts while it shuts down, as those of tasks do (docs/adr/0024): its work is done and printed, its exit code
    // alone is lost. Whether it was done is what tests look at.
    if (signal === "SIGABRT" && !/Traceback|Error/.test(stdout + stderr)) {
      process.stderr.write(
        `${[program, ...args].join(" ")}: ended by SIGABRT while shutting down\n${stderr.slice(-2_000)}\n`,
      );
      return { code: 0, stdout, stderr };
    }
    if (signal !== null) stderr += `\n(ended by ${signal})`;
    return { code, stdout, stderr };
  }

  /** The SDK's command line. */
  flyte(args: readonly string[], env: Record<string, string> = {}): ReturnType<SdkClient["run"]> {
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
    return createClient(RunService, createConnectTransport({ baseUrl: this.controlPlane, httpVersion: "1.1" }));
  }

  get data(): Client<typeof DataProxyService> {
    return createClient(DataProxyService, createConnectTransport({ baseUrl: this.controlPlane, httpVersion: "1.1" }));
  }

  actionId(run: string, action = "a0") {
    return { run: { project: this.project, domain: "development", name: run }, name: action };
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
