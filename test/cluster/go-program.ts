/** Builds a Go program of `programs/` once for each state of its sources; its dependencies are pinned by go.sum. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { existsSync, openSync, readFileSync, readdirSync } from "node:fs";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { cacheFolder } from "./cache.ts";

/** A cold build of Kubernetes takes about 6 minutes on two cores. */
const longestBuildMs = 40 * 60_000;
const tickMs = 15_000;

const sourceOf = (name: string): string => join(import.meta.dirname, "programs", name);

/** Where the program is, or will be. */
export function programPath(name: string): string {
  const hash = createHash("sha256").update(process.arch);
  for (const file of readdirSync(sourceOf(name)).sort()) hash.update(readFileSync(join(sourceOf(name), file)));
  return join(cacheFolder, `${name}-${hash.digest("hex").slice(0, 12)}`, name);
}

/** Why it can not be had here; undefined when it is there, or can be built. */
export function programObstacle(name: string): string | undefined {
  if (existsSync(programPath(name))) return undefined;
  if (spawnSync("go", ["version"]).status !== 0) return "Go is missing (https://go.dev/dl, or apt install golang)";
  return undefined;
}

/** The program, built when it is not there yet. Two who build at the same time do not get in each other's way: one waits. */
export async function buildProgram(name: string, linkerFlags: string, say: (line: string) => void): Promise<string> {
  const path = programPath(name);
  const folder = join(path, "..");
  const end = Date.now() + longestBuildMs;
  await mkdir(cacheFolder, { recursive: true });
  const lock = `${folder}.lock`;
  while (!existsSync(path)) {
    if (Date.now() > end) throw new Error(`${name} was not built within ${longestBuildMs / 60_000} minutes`);
    if (!(await take(lock))) {
      await setTimeout(1_000);
      continue;
    }
    try {
      await build(name, folder, linkerFlags, say);
    } finally {
      await rm(lock, { recursive: true, force: true });
    }
  }
  return path;
}

/** A lock that its holder has not touched for two ticks belongs to nobody any more. */
async function take(lock: string): Promise<boolean> {
  try {
    await mkdir(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const touched = await stat(lock).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - touched > 4 * tickMs) await rm(lock, { recursive: true, force: true });
    return false;
  }
}

async function build(name: string, folder: string, linkerFlags: string, say: (line: string) => void): Promise<void> {
  const work = `${folder}.building`;
  const log = `${folder}.log`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const start = Date.now();
  say(`building ${name} (minutes the first time; log: ${log})`);
  const output = openSync(log, "w");
  const args = ["build", "-trimpath", "-ldflags", `-s -w ${linkerFlags}`, "-o", join(work, name), "."];
  const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false" };
  const go = spawn("go", args, {
    cwd: sourceOf(name),
    env,
    stdio: ["ignore", output, output],
    timeout: longestBuildMs,
  });
  const ticker = setInterval(() => {
    say(`  ${name}: ${Math.round((Date.now() - start) / 1000)} s`);
    void writeFile(join(`${folder}.lock`, "alive"), "").catch(() => undefined);
  }, tickMs);
  try {
    const [code] = (await once(go, "close")) as [number | null];
    if (code !== 0)
      throw new Error(`${name} could not be built (exit code ${code}):\n${readFileSync(log, "utf8").slice(-2_000)}`);
  } finally {
    clearInterval(ticker);
  }
  await rm(folder, { recursive: true, force: true });
  await rename(work, folder);
  say(`built ${name} in ${Math.round((Date.now() - start) / 1000)} s`);
}
