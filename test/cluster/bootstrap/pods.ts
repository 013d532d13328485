/** What containerd runs for the cluster. Pods outlive it, so it is started to end them, should it not run. */
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { containerd, ctr } from "./containerd.ts";
import { ensure } from "./daemon.ts";
import { full } from "./layout.ts";
import { prepareMachine } from "./machine.ts";
import { run, succeeds } from "./run.ts";

const longestMs = 30_000;

interface Spec {
  readonly linux?: { readonly namespaces?: readonly { readonly type: string; readonly path?: string }[] };
}

export class Pods {
  readonly #debian: string;

  private constructor(debian: string) {
    this.#debian = debian;
  }

  static async open(say: (line: string) => void): Promise<Pods> {
    const debian = await prepareMachine(say);
    await ensure(await containerd(debian), full.folder);
    return new Pods(debian);
  }

  /** All their processes, at once: whoever stops the cluster does not wait for anybody's work. */
  async end(): Promise<void> {
    for (const end = Date.now() + longestMs; ; await sleep(100)) {
      const tasks = await this.#list("tasks");
      if (tasks.length === 0) return;
      if (Date.now() > end) throw new Error(`containers do not end: ${tasks.join(" ")}`);
      for (const id of tasks) {
        await this.#ask("tasks", "kill", "--all", "--signal", "SIGKILL", id).catch(() => undefined);
        await this.#ask("tasks", "delete", "--force", id).catch(() => undefined);
      }
    }
  }

  /** Their network namespaces, which are mounts that nothing else would take away. */
  async removeNetworks(): Promise<void> {
    const paths = new Set<string>();
    for (const id of await this.#list("containers")) {
      const { linux } = JSON.parse(await this.#ask("containers", "info", "--spec", id)) as Spec;
      const path = linux?.namespaces?.find(({ type }) => type === "network")?.path;
      if (path !== undefined && /\/cni-[0-9a-f-]+$/.test(path)) paths.add(path);
    }
    for (const path of paths) {
      await succeeds("umount", path.replace("/var/run/", "/run/"));
      await rm(path, { force: true });
    }
  }

  async #list(what: "tasks" | "containers"): Promise<string[]> {
    return (await this.#ask(what, "list", "-q")).split("\n").filter((id) => id !== "");
  }

  #ask(...args: string[]): Promise<string> {
    const [program, ...rest] = ctr(this.#debian, ...args);
    return run(program, rest);
  }
}

/** What pods had mounted there, the deepest first. */
export async function unmountBelow(folder: string): Promise<void> {
  for (const path of mountsBelow(folder).toReversed()) await succeeds("umount", "--lazy", path);
  const left = mountsBelow(folder);
  if (left.length > 0) throw new Error(`${left.length} mounts do not go away, such as ${left[0]}`);
}

function mountsBelow(folder: string): string[] {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  return mounts.map((line) => line.split(" ")[1] ?? "").filter((path) => path.startsWith(`${folder}/`));
}
