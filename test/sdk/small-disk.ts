/** A folder on a file system of a few megabytes, in a mount namespace of its own, so that it vanishes with its last process. Needs root. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { open, statfs } from "node:fs/promises";
import { join } from "node:path";

export const canMount =
  process.getuid?.() === 0 && spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

export class SmallDisk implements Disposable {
  readonly folder: string;
  readonly #holder: ChildProcess;

  private constructor(folder: string, holder: ChildProcess) {
    this.folder = folder;
    this.#holder = holder;
  }

  /** `folder` exists; in the namespace it is empty and holds `megabytes`. */
  static async mount(folder: string, megabytes: number): Promise<SmallDisk> {
    const script = `mount -t tmpfs -o size=${megabytes}m,mode=700 none "$0" && echo mounted && exec sleep 600`;
    const holder = spawn("unshare", ["--mount", "sh", "-c", script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    await once(holder.stdout, "data", { signal: AbortSignal.timeout(10_000) });
    return new SmallDisk(folder, holder);
  }

  /** What a program is started with to see the folder, and to be in `cwd`. */
  prefix(cwd: string): readonly string[] {
    return ["nsenter", "--target", String(this.#holder.pid), "--mount", "sh", "-c", 'cd "$0" && exec "$@"', cwd];
  }

  /** The folder as it is seen from outside. */
  get outside(): string {
    return `/proc/${this.#holder.pid}/root${this.folder}`;
  }

  get #filler(): string {
    return join(this.outside, "filler");
  }

  /** Leaves less than a page. */
  async fill(): Promise<void> {
    const file = await open(this.#filler, "a");
    try {
      for (const size of [1 << 20, 4096]) {
        const chunk = Buffer.alloc(size);
        const { bavail, bsize } = await statfs(this.outside);
        for (let left = Math.floor((bavail * bsize) / size); left >= 0; left -= 1) await file.write(chunk);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      await file.close();
    }
    if (!existsSync(this.#filler)) throw new Error("nothing was filled");
  }

  makeRoom(): void {
    rmSync(this.#filler);
  }

  [Symbol.dispose](): void {
    this.#holder.kill("SIGKILL");
  }
}
