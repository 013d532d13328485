/** What of the machine Homeplane can use: programs, namespaces, cgroups. */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../bootstrap/find-program.mjs";
import { systemCode } from "../bootstrap/launch-error.mjs";
import { missing, ok, warning } from "./check.mjs";
import { runTool } from "./run-tool.mjs";

/** @typedef {import("./check.mjs").Check} Check */
/** @typedef {import("./doctor.mjs").Subject} Subject */

/** The SDK unpacks code bundles with it. @param {Subject} subject @returns {Check} */
export function tarCheck({ env }) {
  const file = findProgram("tar", env["PATH"]);
  if (file !== undefined) return ok("tar", "tar", file);
  return missing("tar", "tar", "not on the PATH; the SDK unpacks code with it", "apt install tar");
}

/** @param {Subject} subject @returns {Check} */
export function kubectlCheck({ env }) {
  const file = findProgram("kubectl", env["PATH"]);
  if (file !== undefined) return ok("kubectl", "kubectl", file);
  const next = "install kubectl of your distribution or of kubernetes.io; nothing else needs it";
  return warning("kubectl", "kubectl", "not on the PATH: `kubectl get taskactions` is not there", next);
}

/** Secrets as files are mounted for one task alone. @param {Subject} subject @returns {Promise<Check>} */
export async function mountNamespaceCheck({ env }) {
  const id = "mount-namespaces";
  const title = "Mount namespaces";
  const file = findProgram("unshare", env["PATH"]);
  const limits = "secrets as files are refused, secrets in the environment work";
  if (file === undefined) return warning(id, title, `unshare is missing: ${limits}`, "apt install util-linux");
  const asRoot = process.getuid?.() === 0;
  const flags = asRoot ? ["--mount"] : ["--user", "--map-root-user", "--mount"];
  const { code, stderr } = await runTool(file, [...flags, "mount", "-t", "tmpfs", "tmpfs", "/tmp"], { env });
  if (code === 0) return ok(id, title, asRoot ? "permitted" : "permitted, by a user namespace");
  const next = asRoot
    ? "in a container: start it with --cap-add SYS_ADMIN"
    : "permit user namespaces: sysctl kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0";
  return warning(id, title, `not permitted (${stderr.trim().split("\n")[0] ?? code}): ${limits}`, next);
}

/** Memory limits of tasks. @returns {Check} */
export function cgroupCheck() {
  const id = "cgroup";
  const title = "cgroup v2";
  const limits = "memory limits of tasks are kept by looking at them, not by the kernel";
  const systemd = "start in a scope of its own: systemd-run --user --scope -p Delegate=yes homeplane up";
  const root = cgroup2Mount();
  const own = /^0::(\/.*)$/m.exec(readProc("/proc/self/cgroup"))?.[1];
  if (root === undefined || own === undefined)
    return warning(id, title, `not mounted: ${limits}`, "boot with systemd.unified_cgroup_hierarchy=1");
  const folder = join(root, own);
  const controllers = readProc(join(folder, "cgroup.controllers")).trim().split(" ");
  if (!controllers.includes("memory"))
    return warning(id, title, `${folder} has no memory controller: ${limits}`, systemd);
  const probe = join(folder, `homeplane-doctor-${process.pid}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return ok(id, title, `${folder} is writable`);
  } catch (error) {
    return warning(id, title, `${folder} is not writable (${systemCode(error)}): ${limits}`, systemd);
  }
}

/** proc_pid_mountinfo(5). @returns {string | undefined} */
function cgroup2Mount() {
  const line = readProc("/proc/self/mountinfo")
    .split("\n")
    .find((each) => / - cgroup2 /.test(each));
  const path = line?.split(" ")[4];
  return path !== undefined && existsSync(path) ? path : undefined;
}

/** @param {string} path */
function readProc(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "EACCES"].includes(systemCode(error) ?? "")) return "";
    throw error;
  }
}
