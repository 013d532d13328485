import { systemClock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { batches, type Message } from "./batch.ts";
import type { Chunk, Chunks } from "./chunk.ts";
import { mergeByArrival, mergeByTime } from "./merge.ts";

const chunk = (container: string, ...texts: string[]): Chunk => ({
  namespace: "ns",
  pod: "p",
  container,
  pieces: texts.map((text, n) => ({
    time: `2026-01-01T00:00:00.00000000${n}Z`,
    content: Buffer.from(text),
    index: 0,
    last: true,
  })),
});

async function* of(...chunks: Chunk[]): Chunks {
  yield* chunks;
}

const linesOf = ({ logs = [] }: Message): string[] =>
  logs.flatMap(({ lines = [] }) => lines.map(({ message = "" }) => message));

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

test("a message has at most 500 lines and 512 KiB, and lines that are ready go together", async () => {
  const many = Array.from({ length: 1200 }, (_, n) => `${n}`);
  const messages = await all(
    batches(
      of({ ...chunk("main", ...many) }, chunk("main", "x".repeat(400_000), "y".repeat(400_000))),
      "c",
      systemClock,
    ),
  );
  expect(messages.map((message) => linesOf(message).length)).toEqual([500, 500, 201, 1]);
  expect(messages.flatMap(linesOf).slice(0, 1200)).toEqual(many.map((text) => `${text}\n`));
});

test("a line does not wait for the next one", async () => {
  const stop = Promise.withResolvers<void>();
  async function* slow(): Chunks {
    yield chunk("main", "now");
    await stop.promise;
  }
  const stream = batches(slow(), "c", systemClock);
  expect(linesOf((await stream.next()).value ?? {})).toEqual(["now\n"]);
  stop.resolve();
  expect((await stream.next()).done).toBe(true);
});

test("what came before an error is sent before it", async () => {
  async function* broken(): Chunks {
    yield chunk("main", "last words");
    throw new Error("broken");
  }
  const stream = batches(broken(), "c", systemClock);
  expect(linesOf((await stream.next()).value ?? {})).toEqual(["last words\n"]);
  await expect(stream.next()).rejects.toThrow("broken");
});

test("a reader that does not read makes nothing be read, but for one chunk ahead", async () => {
  let pulled = 0;
  async function* endless(): Chunks {
    for (;;) {
      pulled++;
      yield chunk("main", ...Array.from({ length: 600 }, () => "x"));
    }
  }
  const stream = batches(mergeByArrival([endless()]), "c", systemClock);
  await stream.next();
  const before = pulled;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(pulled).toBe(before);
  expect(pulled).toBeLessThanOrEqual(3);
});

test("ended logs are merged in the order of their times", async () => {
  const merged = await all(
    mergeByTime([of(chunk("a", "a0", "a1", "a2")), of(), of(chunk("b", "b0"), chunk("b", "b0", "b1"))]),
  );
  const pieces = merged.flatMap((one) => one.pieces);
  expect(pieces.map(({ time }) => time)).toEqual(pieces.map(({ time }) => time).toSorted());
  const texts = pieces.map(({ content }) => content.toString());
  expect(texts.filter((text) => text.startsWith("a"))).toEqual(["a0", "a1", "a2"]);
  expect(texts.filter((text) => text.startsWith("b"))).toEqual(["b0", "b0", "b1"]);
});
