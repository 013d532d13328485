/**
 * What a build made, kept outside the repository by what it was made from: `<folder>/<key>/`, whole or absent. Two builds at once may both make
 * a thing; the second rename finds it there and gives its own up.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export interface Cache {
  readonly folder: string;
  /** Says what is being made, which takes a while. */
  readonly say: (text: string) => void;
}

/** Outside the repository: every checkout of this user's has it. */
export const imageCacheFolder = (env: NodeJS.ProcessEnv): string =>
  join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "homeplane/images");

/** Left behind by a killed build. */
const abandonedMs = 24 * 3600_000;
/** Not used for so long: made again when it is asked for. */
const unusedMs = 30 * 24 * 3600_000;

/** The folder that `make` filled, now or earlier. `inputs` must name everything that the result depends on. */
export async function cached(
  { folder, say }: Cache,
  what: string,
  inputs: unknown,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const key = createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 24);
  const whole = join(folder, `${what}-${key}`);
  const now = new Date();
  if (await exists(whole)) {
    await utimes(whole, now, now);
    return whole;
  }
  await mkdir(folder, { recursive: true });
  const partial = await mkdtemp(join(folder, "partial-"));
  const begun = performance.now();
  try {
    await make(partial);
    await rename(partial, whole).catch(async (error: NodeJS.ErrnoException) => {
      if (!(await exists(whole))) throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  say(`${what}: made in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  return whole;
}

/** Removes what killed builds left and what nobody has asked for in a month. */
export async function prune({ folder }: Cache, now: number): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const { mtimeMs } = await stat(path);
    if (now - mtimeMs > (name.startsWith("partial-") ? abandonedMs : unusedMs)) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
