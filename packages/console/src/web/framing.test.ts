import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeEnvelope, endFlag, maxMessageBytes, readEnvelopes } from "./framing.js";

async function* cutAt(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].toSorted((a, b) => a - b);
  for (const [index, place] of places.entries()) yield bytes.subarray(places[index - 1] ?? 0, place);
}

async function collect(
  bytes: Uint8Array,
  cuts: readonly number[] = [],
): Promise<{ end: boolean; payload: number[] }[]> {
  const found = [];
  for await (const { end, payload } of readEnvelopes(cutAt(bytes, cuts))) found.push({ end, payload: [...payload] });
  return found;
}

const messages = fc.array(fc.record({ end: fc.boolean(), payload: fc.uint8Array({ maxLength: 300 }) }), {
  maxLength: 12,
});
const cuts = fc.array(fc.nat(), { maxLength: 40 });
const encode = (list: readonly { end: boolean; payload: Uint8Array }[]): Uint8Array =>
  Buffer.concat(list.map(({ end, payload }) => encodeEnvelope(end ? endFlag : 0, payload)));

test("the same messages come out however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(messages, cuts, async (list, places) => {
      expect(await collect(encode(list), places)).toEqual(
        list.map(({ end, payload }) => ({ end, payload: [...payload] })),
      );
    }),
  );
});

test("an end within a message is an error, never a shorter message", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), async (payload, seed) => {
      const whole = encodeEnvelope(0, payload);
      await expect(collect(whole.subarray(0, 1 + (seed % (whole.length - 1))))).rejects.toThrow("middle of a message");
    }),
  );
});

test("a length beyond the limit is refused before its bytes are taken in", async () => {
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(1, maxMessageBytes + 1);
  await expect(collect(head)).rejects.toThrow("larger than this page takes");
});

test("a compressed message is refused, for it would be read as garbage", async () => {
  await expect(collect(encodeEnvelope(1, new Uint8Array(3)))).rejects.toThrow("compressed");
});
