/**
 * One bootstrap at a time in a checkout. The lock is a file that names its holder; a holder that is no longer alive has lost it.
 * It is made by link(2), so it never exists without its content. Who takes a stale one away holds the guard file meanwhile and
 * looks again under it: two that see the same stale lock cannot both win.
 */
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { LaunchError, systemCode } from "./launch-error.mjs";

/** @typedef {{ host: string, pid: number, started: string }} Holder `started` in clock ticks since boot tells a reused pid apart */

const pollMs = 200;
/** A first start takes about a minute; over a slow line many. */
const longestWaitMs = 30 * 60_000;
/** The guard is held for some file operations; older than this, its holder died in between. */
const guardLifeMs = 10_000;

/**
 * Waits for its turn. The returned function gives the lock back; calling it again does nothing.
 * @param {string} file
 * @param {AbortSignal} signal ends the wait
 * @param {(holder: Holder) => void} onWait called once, before a wait
 * @param {number} [waitMs]
 * @returns {Promise<() => void>}
 */
export async function takeLock(file, signal, onWait, waitMs = longestWaitMs) {
  const end = Date.now() + waitMs;
  for (let told = false; ; told = true) {
    if (tryLink(file) || (isStale(readHolder(file)) && takeOver(file))) return releaser(file);
    const holder = readHolder(file);
    if (holder === undefined) continue;
    if (!told) onWait(holder);
    if (Date.now() >= end) {
      const who = `process ${holder.pid} on ${holder.host}`;
      throw new LaunchError(
        "Locked",
        `another start (${who}) has been setting up for too long.`,
        `end it, or remove ${file} if it is gone.`,
      );
    }
    await sleep(pollMs, undefined, { signal });
  }
}

/** @param {string} file */
function tryLink(file) {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ host: hostname(), pid: process.pid, started: startOf(process.pid) }));
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** @param {string} file */
function takeOver(file) {
  const guard = `${file}.guard`;
  if (!tryLink(guard)) {
    removeOldGuard(guard);
    return false;
  }
  try {
    if (!isStale(readHolder(file))) return false;
    rmSync(file, { force: true });
    return tryLink(file);
  } finally {
    rmSync(guard, { force: true });
  }
}

/** @param {string} guard */
function removeOldGuard(guard) {
  const made = statSync(guard, { throwIfNoEntry: false })?.mtimeMs;
  if (made !== undefined && Date.now() - made > guardLifeMs) rmSync(guard, { force: true });
}

/** @param {string} file @returns {() => void} */
function releaser(file) {
  let held = true;
  return () => {
    if (held) rmSync(file, { force: true });
    held = false;
  };
}

/** @param {string} file @returns {Holder | undefined} undefined when nobody holds it */
function readHolder(file) {
  try {
    return /** @type {Holder} */ (JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    // A power cut can leave an empty file; nobody who is alive wrote it.
    if (error instanceof SyntaxError) return { host: hostname(), pid: 0, started: "" };
    throw error;
  }
}

/** Another machine's processes (a shared folder) cannot be looked at: its lock counts as held. @param {Holder | undefined} holder */
function isStale(holder) {
  return (
    holder !== undefined &&
    holder.host === hostname() &&
    (holder.started === "" || startOf(holder.pid) !== holder.started)
  );
}

/** When a process started; "" when there is none. See proc_pid_stat(5), field 22. @param {number} pid */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the program's name, may hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; in a container without an init process it may stay for ever.
    return fields[0] === "Z" ? "" : (fields[19] ?? "");
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ESRCH") return "";
    throw error;
  }
}
