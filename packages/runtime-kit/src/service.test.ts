import { expect, test } from "vitest";
import { runServices, type Service } from "./service.ts";

/** Runs until it is stopped; says so in `ended`. */
const patient = (name: string, ended: string[]): Service => ({
  name,
  run: (signal) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        ended.push(name);
        resolve();
      });
    }),
});

test("all services run until the signal aborts, and all have ended when runServices resolves", async () => {
  const ended: string[] = [];
  const stop = new AbortController();
  const running = runServices([patient("a", ended), patient("b", ended)], stop.signal);
  stop.abort();
  await running;
  expect(ended).toEqual(["a", "b"]);
});

test("one that fails stops the others, and the first failure is thrown with its name and cause", async () => {
  const ended: string[] = [];
  const cause = new Error("disk is gone");
  const failing: Service = { name: "store", run: async () => Promise.reject(cause) };
  const failsOnStop: Service = {
    name: "later",
    run: (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("second")))),
  };
  const running = runServices([patient("a", ended), failing, failsOnStop], new AbortController().signal);
  await expect(running).rejects.toMatchObject({ message: "service store failed", cause });
  expect(ended).toEqual(["a"]);
});

test("one that ends before it is told to is a failure: half of a program is not left running", async () => {
  const ended: string[] = [];
  const early: Service = { name: "early", run: () => Promise.resolve() };
  const running = runServices([patient("a", ended), early], new AbortController().signal);
  await expect(running).rejects.toThrow("service early ended before it was told to");
  expect(ended).toEqual(["a"]);
});

test("an error while stopping is not a failure of the program", async () => {
  const stop = new AbortController();
  const service: Service = {
    name: "a",
    run: (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
  };
  const running = runServices([service], stop.signal);
  stop.abort();
  await expect(running).resolves.toBeUndefined();
});
