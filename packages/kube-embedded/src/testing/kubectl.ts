/** The real kubectl, where there is one. */
import { execFile, spawn, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const missing = spawnSync("kubectl", ["version", "--client"]).status !== 0;

/** For `describe.skipIf`: its name says what to install. */
export const kubectlSuite = {
  skip: missing,
  name: missing ? "kubectl (not run: there is none; Debian's package kubernetes-client has it)" : "kubectl",
};

const run = promisify(execFile);

export class Kubectl {
  readonly #flags: readonly string[];
  readonly #folder: string;

  constructor(kubeconfig: string, folder: string) {
    this.#flags = ["--kubeconfig", kubeconfig, "--cache-dir", join(folder, "cache")];
    this.#folder = folder;
  }

  /** What it printed; rejects with its words when it fails. */
  async run(...args: string[]): Promise<string> {
    return (await run("kubectl", [...this.#flags, ...args], { timeout: 30_000 })).stdout;
  }

  /** Its output as it comes. */
  async *follow(...args: string[]): AsyncGenerator<string> {
    const child = spawn("kubectl", [...this.#flags, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      let all = "";
      for await (const chunk of child.stdout) yield (all += String(chunk));
    } finally {
      child.kill();
    }
  }

  async manifest(...objects: object[]): Promise<string> {
    const path = join(this.#folder, "manifest.json");
    await writeFile(path, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
    return path;
  }
}
