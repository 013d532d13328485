import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeMsgpack } from "./msgpack.js";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test.each([
  [bytes(0xcd, 0x01, 0x00), 256],
  [bytes(0xd1, 0xff, 0x00), -256],
  [bytes(0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 18_446_744_073_709_551_615n],
  [bytes(0xca, 0x3f, 0x80, 0, 0), 1],
  [bytes(0xd9, 2, 0x68, 0x69), "hi"],
  [bytes(0xdc, 0, 2, 1, 2), [1, 2]],
  [bytes(0xde, 0, 1, 0xa1, 0x6b, 0xc2), new Map([["k", false]])],
  [bytes(0xc4, 2, 7, 8), bytes(7, 8)],
])("%j", (encoded, value) => {
  expect(decodeMsgpack(encoded)).toEqual(value);
});

test("whatever the bytes are, they are decoded or refused, at once", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (encoded) => {
      try {
        decodeMsgpack(encoded);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
  );
  // Four thousand million items, promised in five bytes.
  expect(() => decodeMsgpack(bytes(0xdd, 0xff, 0xff, 0xff, 0xff))).toThrow(RangeError);
  expect(() => decodeMsgpack(bytes(0xdf, 0xff, 0xff, 0xff, 0xff))).toThrow(RangeError);
});
