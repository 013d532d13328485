/**
 * Builds the Go programs of a folder of `programs/` once for each state of its sources; their dependencies are pinned by go.sum. A folder has a main.go, or
 * names the programs of other modules as tools in its go.mod.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { existsSync, openSync, readFileSync, readdirSync } from "node:fs";
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { basename, delimiter, dirname, join } from "node:path";
import { takeLock } from "../../scripts/bootstrap/lock.mjs";
import { constants, setPriority } from "node:os";
import { cacheFolder } from "./cache.ts";

const kubernetesVersion = "v1.34.4";

/** Without its version, clients take the API server for one of version 0.0, and Helm refuses it. */
const linkerFlags: Readonly<Record<string, string>> = {
  kubernetes: ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"]
    .map((variable) => `-X ${variable}.gitVersion=${kubernetesVersion}`)
    .join(" "),
  helm: "-X helm.sh/helm/v3/internal/version.version=v3.22.0",
};

/** Folders of a module that are kept beside its program. */
const keptFolders: Readonly<Record<string, { readonly module: string; readonly folder: string }>> = {
  calico: { module: "github.com/projectcalico/calico", folder: "libcalico-go/config/crd" },
};

/** A cold build of Kubernetes takes about 6 minutes on two cores. */
const longestBuildMs = 40 * 60_000;
/** What the full cluster is built from. */
export const goPrograms = ["kubernetes", "calico", "minio", "coredns", "helm"] as const;

const tickMs = 15_000;
const oldestGoMinor = 21;

const sourceOf = (name: string): string => join(import.meta.dirname, "programs", name);

/** Its archive is unpacked there, and the PATH is left to the shell's profile, which not every shell reads. */
const usualGo = "/usr/local/go/bin/go";

function goCommand(): string {
  const isOnPath = (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, "go")));
  return !isOnPath && existsSync(usualGo) ? usualGo : "go";
}

/** Where the program is, or will be; of several, the one of the folder's name. */
export function programPath(name: string): string {
  const hash = createHash("sha256").update(process.arch);
  for (const file of readdirSync(sourceOf(name)).sort()) hash.update(readFileSync(join(sourceOf(name), file)));
  return join(cacheFolder, `${name}-${hash.digest("hex").slice(0, 12)}`, name);
}

/** Why it can not be had here; undefined when it is there, or can be built. */
export function programObstacle(name: string): string | undefined {
  if (existsSync(programPath(name))) return undefined;
  const { status, stdout } = spawnSync(goCommand(), ["env", "GOVERSION"], { encoding: "utf8" });
  if (status !== 0) return "Go is missing (https://go.dev/dl)";
  // Older ones can not fetch the version that a module asks for.
  const minor = Number(/^go1\.(\d+)/.exec(stdout)?.[1] ?? oldestGoMinor);
  return minor < oldestGoMinor ? `Go is too old: ${stdout.trim()}; 1.${oldestGoMinor} or later is needed` : undefined;
}

/** The program, built when it is not there yet. One build at a time: they are heavy, and share what they compile. */
export async function buildProgram(name: string, say: (line: string) => void): Promise<string> {
  const path = programPath(name);
  if (existsSync(path)) return path;
  await mkdir(cacheFolder, { recursive: true });
  const told = ({ pid }: { pid: number }): void => say(`${name}: waiting for process ${pid}, which builds`);
  const lock = join(cacheFolder, "build.lock");
  const release = await takeLock(lock, AbortSignal.timeout(longestBuildMs), told, longestBuildMs);
  try {
    if (!existsSync(path)) await build(name, dirname(path), say);
  } finally {
    release();
  }
  return path;
}

async function build(name: string, folder: string, say: (line: string) => void): Promise<void> {
  const work = `${folder}.building`;
  const log = `${folder}.log`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const start = Date.now();
  say(`building ${name} (minutes the first time; log: ${log})`);
  const output = openSync(log, "w");
  const what = existsSync(join(sourceOf(name), "main.go")) ? "." : "tool";
  const flags = `-s -w ${linkerFlags[name] ?? ""}`;
  const args = ["build", "-trimpath", "-ldflags", flags, "-o", `${work}/`, what];
  const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false" };
  const go = spawn(goCommand(), args, {
    cwd: sourceOf(name),
    env,
    stdio: ["ignore", output, output],
    timeout: longestBuildMs,
  });
  // The build must not take the machine from what runs on it.
  if (go.pid !== undefined) setPriority(go.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  const ticker = setInterval(() => say(`  ${name}: ${Math.round((Date.now() - start) / 1000)} s`), tickMs);
  try {
    const [code] = (await once(go, "close")) as [number | null];
    if (code !== 0)
      throw new Error(`${name} could not be built (exit code ${code}):\n${readFileSync(log, "utf8").slice(-2_000)}`);
  } finally {
    clearInterval(ticker);
  }
  await keep(name, work);
  await rm(folder, { recursive: true, force: true });
  await rename(work, folder);
  say(`built ${name} in ${Math.round((Date.now() - start) / 1000)} s`);
}

async function keep(name: string, work: string): Promise<void> {
  const kept = keptFolders[name];
  if (kept === undefined) return;
  const listed = spawnSync(goCommand(), ["list", "-m", "-f", "{{.Dir}}", kept.module], {
    cwd: sourceOf(name),
    encoding: "utf8",
  });
  if (listed.status !== 0) throw new Error(`${kept.module} is not to be found:\n${listed.stderr}`);
  await cp(join(listed.stdout.trim(), kept.folder), join(work, basename(kept.folder)), { recursive: true });
}
