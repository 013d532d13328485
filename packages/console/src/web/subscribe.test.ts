import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RpcError } from "./rpc.js";
import { type LinkState, subscribe } from "./subscribe.js";

/** As much of a document as `subscribe` uses. */
class Tab extends EventTarget {
  hidden = false;
  show(visible: boolean): void {
    this.hidden = !visible;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

let tab: Tab;
let stop: AbortController;
let running: Promise<void>[];
beforeEach(() => {
  vi.useFakeTimers();
  tab = new Tab();
  stop = new AbortController();
  running = [];
  vi.stubGlobal("document", tab);
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("removeEventListener", () => undefined);
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

type Script = (signal: AbortSignal) => AsyncIterable<number>;

/** Runs the n-th script at the n-th subscription, the last one from then on. */
function run(scripts: readonly Script[], options: { done?: () => boolean; waitForIt?: () => boolean } = {}) {
  const seen: [number, boolean][] = [];
  const states: LinkState[] = [];
  let opened = 0;
  const ended = subscribe<number>(
    {
      open: (signal) => (scripts[opened++] ?? scripts.at(-1) ?? hang)(signal),
      onMessage: (message, first) => seen.push([message, first]),
      onState: (state) => states.push(state),
      isDone: options.done ?? (() => false),
      ...(options.waitForIt ? { waitForIt: options.waitForIt } : {}),
    },
    stop.signal,
  );
  running.push(ended);
  return { seen, states, ended, opened: () => opened };
}

const numbers = (...list: number[]): Script =>
  async function* () {
    yield* list;
  };
const failing = (code: string): Script =>
  async function* () {
    yield* [];
    throw new RpcError(code, "no");
  };
/** Yields once, then stays open until it is aborted, as fetch does. */
const hang: Script = async function* (signal) {
  yield 1;
  await new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new RpcError("canceled", "cancelled")));
  });
};

test("after a clean close it subscribes again, and says which message is the first of a new stream", async () => {
  const { seen } = run([numbers(1, 2), numbers(3), hang]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(seen).toEqual([
    [1, true],
    [2, false],
    [3, true],
    [1, true],
  ]);
});

test("it ends at a clean close when nothing more will come", async () => {
  const { ended, states, opened } = run([numbers(1)], { done: () => true });
  await ended;
  expect([states.at(-1)?.kind, opened()]).toEqual(["done", 1]);
});

test.each(["not_found", "invalid_argument", "permission_denied", "unauthenticated", "unimplemented"])(
  "%s is final: repeating it changes nothing",
  async (code) => {
    const { ended, states, opened } = run([failing(code)]);
    await ended;
    expect([states.at(-1)?.kind, opened()]).toEqual(["failed", 1]);
  },
);

test("what may still come to be is waited for, until it may not", async () => {
  let wait = true;
  const { ended, states, opened } = run([failing("not_found")], { waitForIt: () => wait });
  await vi.advanceTimersByTimeAsync(20_000);
  expect([states.at(-1)?.kind, opened() > 1]).toEqual(["waiting", true]);
  wait = false;
  await vi.advanceTimersByTimeAsync(20_000);
  await ended;
  expect(states.at(-1)?.kind).toBe("failed");
});

test("a server that is away is asked again ever more rarely, and never in a tight loop", async () => {
  const { opened } = run([failing("unavailable")]);
  await vi.advanceTimersByTimeAsync(10_000);
  const early = opened();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(early).toBeLessThan(40);
  // Full jitter around half of 15 s: about 80 in ten minutes.
  expect(opened() - early).toBeLessThan(200);
  expect(opened() - early).toBeGreaterThan(30);
});

test("a server that closes at once counts as failing", async () => {
  const { opened } = run([numbers()]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(opened()).toBeLessThan(60);
});

test("a hidden tab holds no connection, and has one again when it is seen", async () => {
  const { states, opened } = run([hang]);
  await vi.advanceTimersByTimeAsync(0);
  tab.show(false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([states.at(-1)?.kind, opened()]).toEqual(["paused", 1]);
  tab.show(true);
  await vi.advanceTimersByTimeAsync(0);
  expect([states.at(-1)?.kind, opened()]).toEqual(["open", 2]);
});

test("a stream is renewed after ten minutes, for it may have died without a word", async () => {
  const { opened } = run([hang]);
  await vi.advanceTimersByTimeAsync(10 * 60_000 + 1);
  expect(opened()).toBe(2);
});

test("aborting ends it at once, whatever it is doing", async () => {
  for (const script of [hang, failing("unavailable")]) {
    const { ended } = run([script]);
    await vi.advanceTimersByTimeAsync(0);
    stop.abort();
    await ended;
    stop = new AbortController();
  }
});
