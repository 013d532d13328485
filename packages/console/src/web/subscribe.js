/**
 * Keeps a server stream open for as long as somebody looks at it. A clean close means "subscribe again" until `isDone`; failures are
 * retried with backoff; while the tab is hidden nothing is open (a browser has six HTTP/1.1 connections per server, for all tabs together).
 */
import { RpcError } from "./rpc.js";

/** Of these a repetition changes nothing. */
const final = new Set(["invalid_argument", "not_found", "permission_denied", "unauthenticated", "unimplemented"]);
const baseMs = 500;
const maxMs = 15_000;
/** A connection that died without a word is replaced after this at the latest. */
const maxAgeMs = 10 * 60_000;

/** @type {typeof import("./subscribe.js").subscribe} */
export async function subscribe(options, signal) {
  let failures = 0;
  while (!signal.aborted) {
    if (document.hidden) {
      options.onState({ kind: "paused" });
      await untilVisible(signal);
      continue;
    }
    let first = true;
    const stop = stopper(signal, options.maxAgeMs ?? maxAgeMs);
    try {
      options.onState({ kind: "open" });
      for await (const message of options.open(stop.signal)) {
        if (stop.signal.aborted) break;
        options.onMessage(message, first);
        if (first) failures = 0;
        first = false;
      }
      if (!stop.signal.aborted && options.isDone()) return options.onState({ kind: "done" });
      // A server that closes at once must not be asked in a tight loop.
      if (first) failures += 1;
      if (!stop.signal.aborted) await pause((options.reopenMs ?? 0) + backoffMs(failures), signal);
    } catch (error) {
      if (signal.aborted) return;
      if (stop.signal.aborted) continue;
      const rpc = error instanceof RpcError ? error : new RpcError("internal", String(error), error);
      const retry = !final.has(rpc.code) || (rpc.code === "not_found" && options.waitForIt?.());
      if (!retry) return options.onState({ kind: "failed", error: rpc });
      options.onState({ kind: "waiting", error: rpc });
      failures += 1;
      await pause(backoffMs(failures), signal);
    } finally {
      stop.release();
    }
  }
}

/** Aborts with `signal`, when the tab is hidden, and at the age limit. @param {AbortSignal} signal @param {number} ageMs */
function stopper(signal, ageMs) {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const onVisibility = () => document.hidden && stop();
  document.addEventListener("visibilitychange", onVisibility);
  const timer = Number.isFinite(ageMs) ? setTimeout(stop, ageMs) : undefined;
  const release = () => {
    document.removeEventListener("visibilitychange", onVisibility);
    signal.removeEventListener("abort", stop);
    clearTimeout(timer);
    stop();
  };
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  return { signal: controller.signal, release };
}

/** @type {typeof import("./subscribe.js").backoffMs} */
export function backoffMs(failures) {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 10));
  return baseMs / 4 + Math.random() * ceiling;
}

/** @type {typeof import("./subscribe.js").pause} */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      globalThis.removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
    globalThis.addEventListener("online", end);
    if (signal.aborted) end();
  });
}

/** @type {typeof import("./subscribe.js").untilVisible} */
export function untilVisible(signal) {
  return new Promise((resolve) => {
    const check = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", check);
      signal.removeEventListener("abort", check);
      resolve();
    };
    document.addEventListener("visibilitychange", check);
    signal.addEventListener("abort", check);
    check();
  });
}
