import { type Logger, messageOf } from "@homeplane/runtime-kit";
import { podFolders, removePodFolder } from "./folders.ts";
import type { PodRun } from "./pod-run.ts";

/** Pods that have gone from the API: their processes end, then their folders go. */
export class Burials {
  readonly #dataDir: string;
  readonly #log: Logger;
  readonly #open = new Set<Promise<void>>();

  constructor(dataDir: string, log: Logger) {
    this.#dataDir = dataDir;
    this.#log = log;
  }

  /** `ended` is called when nothing of it runs any more. */
  add(uid: string, run: PodRun | undefined, ended: () => void): void {
    const burial = this.#bury(uid, run, ended);
    void burial.finally(() => this.#open.delete(burial));
    this.#open.add(burial);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #bury(uid: string, run: PodRun | undefined, ended: () => void): Promise<void> {
    try {
      await run?.done;
      ended();
      await removePodFolder(podFolders(this.#dataDir, uid).root);
    } catch (error) {
      const fields = { event: "pod_folder_not_removed", uid, error: messageOf(error) };
      this.#log.error(fields, "the folder of a pod that has gone could not be removed");
    }
  }
}
