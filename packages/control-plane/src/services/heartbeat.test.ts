import { systemClock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { heartbeat } from "./heartbeat.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("whoever waits hears something, and everything that there is, in order", async () => {
  async function* source(): AsyncGenerator<string> {
    yield "a";
    await pause(90);
    yield "b";
    yield "c";
  }
  const heard: string[] = [];
  for await (const each of heartbeat(source(), systemClock, 20, "beat")) heard.push(each);
  expect(heard.filter((each) => each !== "beat")).toEqual(["a", "b", "c"]);
  expect(heard.indexOf("beat")).toBe(1);
  expect(heard.filter((each) => each === "beat").length).toBeGreaterThanOrEqual(2);
});

test("an error is passed on; a listener that leaves ends the source", async () => {
  async function* fails(): AsyncGenerator<string> {
    yield "a";
    throw new Error("gone");
  }
  const all = async (): Promise<void> => {
    for await (const _ of heartbeat(fails(), systemClock, 1_000, "beat")) continue;
  };
  await expect(all()).rejects.toThrow("gone");
  let closed = false;
  async function* endless(): AsyncGenerator<string> {
    try {
      for (;;) yield "a";
    } finally {
      closed = true;
    }
  }
  for await (const _ of heartbeat(endless(), systemClock, 1_000, "beat")) break;
  await pause(1);
  expect(closed).toBe(true);
});
