import { type ObjectStore, ObjectStoreError } from "@homeplane/object-store";
import { silentLogger, type Clock, systemClock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { storeProbe } from "./store-probe.ts";

/** A store whose lists go as told, one answer after the other; the probe's pauses take no time. */
async function probed(...answers: readonly ("ok" | "missing" | "broken")[]): Promise<readonly (string | undefined)[]> {
  const seen: (string | undefined)[] = [];
  const stop = new AbortController();
  let asked = 0;
  const list = async (): Promise<unknown> => {
    switch (answers[asked++]) {
      case "missing":
        throw new ObjectStoreError("NoSuchBucket", "ListObjectsV2 of b: NoSuchBucket");
      case "broken":
        throw new TypeError("fetch failed");
      default:
        return { objects: [], prefixes: [] };
    }
  };
  const clock: Clock = {
    ...systemClock,
    after: (_, run) => {
      seen.push(check.problem());
      if (seen.length === answers.length) stop.abort();
      queueMicrotask(run);
      return () => undefined;
    },
  };
  const store = { list } as unknown as ObjectStore;
  const { check, prober } = storeProbe({ store, buckets: ["b"], log: silentLogger, clock });
  expect(check.problem()).toBe("the buckets were not looked at yet");
  await prober.run(stop.signal);
  return seen;
}

const missing = expect.stringContaining('NoSuchBucket. Create the bucket "b"') as string;

test("a store that never could be used is told at the first look: a new pod must not take over from one that works", async () => {
  expect(await probed("missing", "ok", "missing")).toEqual([missing, undefined, undefined]);
  expect(await probed("broken")).toEqual([expect.stringContaining("fetch failed")]);
});

test("of one that could be used, a single look that fails is no reason to be taken out of service, two are", async () => {
  expect(await probed("ok", "missing", "missing", "ok")).toEqual([undefined, undefined, missing, undefined]);
});
