import { describe, expect, test } from "vitest";
import { MemoryStore } from "../testing/memory-store.ts";
import { sampleTaskAction } from "../testing/samples.ts";
import { earlierPrefixes, previousCheckpoint } from "./previous-checkpoint.ts";

const base = "s3://meta/acme/demo/development/r1/a0";
const record = (attempt: number, folder: string) => ({
  attempt,
  phase: "FAILED" as const,
  startedAt: "",
  endedAt: "",
  outputUri: `${base}/${folder}`,
});
const { signal } = new AbortController();

describe("the checkpoint that a pod goes on from", () => {
  test("is looked for where every earlier pod of the action wrote, the newest first", () => {
    const status = { attempts: 3, systemFailures: 2, attemptHistory: [record(1, "1.1"), record(2, "2")] };
    expect(earlierPrefixes(sampleTaskAction({ status }))).toEqual(
      ["3.1", "3", "2", "1.1", "1"].map((folder) => `${base}/${folder}`),
    );
    expect(earlierPrefixes(sampleTaskAction())).toEqual([]);
  });

  test("is the newest there is: pods that saved none are passed over", async () => {
    const store = new MemoryStore();
    const status = { attempts: 3, systemFailures: 0, attemptHistory: [record(1, "1.1"), record(2, "2")] };
    const action = sampleTaskAction({ status });
    expect(await previousCheckpoint(store, action, signal)).toBe("");
    store.write(`${base}/1/_flytecheckpoints`, new Uint8Array());
    expect(await previousCheckpoint(store, action, signal)).toBe(`${base}/1`);
    store.write(`${base}/1.1/_flytecheckpoints`, new Uint8Array());
    expect(await previousCheckpoint(store, action, signal)).toBe(`${base}/1.1`);
  });

  test("is not taken for absent when the store can not be asked", async () => {
    const store = new MemoryStore();
    store.away = true;
    const action = sampleTaskAction({ status: { attempts: 1, systemFailures: 1 } });
    await expect(previousCheckpoint(store, action, signal)).rejects.toThrow();
  });
});
