/** What the machine must have: what is missing is installed where that is allowed, or named with the way to get it. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "../cache.ts";
import { goPrograms, programObstacle, programPath } from "../go-program.ts";
import { run } from "./run.ts";

/** Programs that work on the machine's own kernel, and what else finds them on the path: package by program. */
const installed = {
  ip: "iproute2",
  iptables: "iptables",
  conntrack: "conntrack",
  ipset: "ipset",
  gcc: "gcc libc6-dev",
  tar: "tar",
} as const;

/** Not installed but unpacked into the cache: they would start services, or be in the way of another container engine. */
const unpacked = ["containerd", "runc", "containernetworking-plugins", "docker-registry", "busybox"] as const;

/** Modules, what they compile to, and the programs. */
const buildBytes = 10e9;

const has = (program: string): boolean =>
  (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, program)));

/** Why the full cluster can not run here; empty when it can. */
export function obstacles(): string[] {
  const found: string[] = [];
  if (process.platform !== "linux") return ["Linux is needed: the node is this machine itself"];
  if (process.getuid?.() !== 0)
    found.push("root is needed: the kubelet makes cgroups, mounts and network rules (sudo -E)");
  const go = programObstacle("kubernetes");
  if (go !== undefined) found.push(go);
  if (!has("apt-get")) found.push("apt-get is missing: containerd and runc come from Debian's or Ubuntu's packages");
  // Asks the kernel for the module, where it is one.
  spawnSync("modprobe", ["overlay"]);
  if (!readFileSync("/proc/filesystems", "utf8").includes("\toverlay"))
    found.push("the kernel has no overlay file system, which containerd needs");
  for (const controller of ["memory", "cpu", "pids"])
    if (!existsSync(`/sys/fs/cgroup/${controller}`) && !existsSync("/sys/fs/cgroup/cgroup.controllers"))
      found.push(`the cgroup controller ${controller} is missing`);
  if (goPrograms.some((name) => !existsSync(programPath(name))) && freeBytes() < buildBytes)
    found.push(`${buildBytes / 1e9} GB of free disk are needed for the first builds, in ${homedir()}`);
  return found;
}

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(homedir());
  return bavail * bsize;
}

/** Installs and unpacks what is missing; resolves with the folder of the unpacked programs. */
export async function prepareMachine(say: (line: string) => void): Promise<string> {
  const missing = Object.entries(installed).filter(([program]) => !has(program));
  const folder = join(cacheFolder, `debian-${createHash("sha256").update(unpacked.join()).digest("hex").slice(0, 12)}`);
  if (missing.length === 0 && existsSync(folder)) return folder;
  say("apt-get update");
  await apt("update");
  if (missing.length > 0) {
    const packages = missing.flatMap(([, names]) => names.split(" "));
    say(`apt-get install ${packages.join(" ")}`);
    await apt("install", "-y", "--no-install-recommends", ...packages);
  }
  if (!existsSync(folder)) await unpack(folder, say);
  return folder;
}

async function unpack(folder: string, say: (line: string) => void): Promise<void> {
  say(`unpacking ${unpacked.join(", ")}`);
  const work = `${folder}.${process.pid}`;
  await mkdir(join(work, "root"), { recursive: true });
  try {
    await run("apt-get", ["download", "-q", ...unpacked], { cwd: work, timeoutMs: 300_000 });
    const archives = (await readdir(work)).filter((file) => file.endsWith(".deb"));
    for (const archive of archives) await run("dpkg", ["-x", archive, "root"], { cwd: work });
    await rename(join(work, "root"), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const apt = (...args: string[]): Promise<string> =>
  run("apt-get", ["-q", ...args], { env: { DEBIAN_FRONTEND: "noninteractive" }, timeoutMs: 600_000 });
