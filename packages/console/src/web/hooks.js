import { useEffect, useState } from "preact/hooks";
import { RpcError } from "./rpc.js";
import { subscribe } from "./subscribe.js";

/** The time now, anew each second while `ticking`. @param {boolean} ticking */
export function useNow(ticking) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    setNow(Date.now());
    if (!ticking) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}

/** @typedef {import("./subscribe.js").LinkState} LinkState */

/**
 * A subscription for as long as the component shows `key`. Call `retry` after a final error.
 * @template T
 * @param {string | undefined} key undefined: nothing to subscribe to
 * @param {() => Omit<import("./subscribe.js").Subscription<T>, "onState">} make
 * @returns {{state: LinkState, retry: () => void}}
 */
export function useSubscription(key, make) {
  const [state, setState] = useState(/** @type {LinkState} */ ({ kind: "open" }));
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (key === undefined) return undefined;
    const controller = new AbortController();
    const onState = (/** @type {LinkState} */ next) => controller.signal.aborted || setState(next);
    subscribe({ ...make(), onState }, controller.signal).catch((/** @type {unknown} */ error) => {
      onState({ kind: "failed", error: new RpcError("internal", String(error), error) });
    });
    return () => controller.abort();
  }, [key, round]);
  return { state, retry: () => setRound((count) => count + 1) };
}

/** @typedef {{kind: "loading"} | {kind: "ready", value: any} | {kind: "failed", error: RpcError}} Loaded */

/**
 * One call when `key` changes. What was there stays until the answer is.
 * @param {string} key @param {(signal: AbortSignal) => Promise<any>} load
 * @returns {{loaded: Loaded, retry: () => void}}
 */
export function useLoad(key, load) {
  const [loaded, setLoaded] = useState(/** @type {Loaded} */ ({ kind: "loading" }));
  const [round, setRound] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    const set = (/** @type {Loaded} */ next) => controller.signal.aborted || setLoaded(next);
    load(controller.signal).then(
      (value) => set({ kind: "ready", value }),
      (error) =>
        set({ kind: "failed", error: error instanceof RpcError ? error : new RpcError("internal", String(error)) }),
    );
    return () => controller.abort();
  }, [key, round]);
  return { loaded, retry: () => setRound((count) => count + 1) };
}
