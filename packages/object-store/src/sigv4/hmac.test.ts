import { createHmac } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { hmacKey, hmacSha256, hmacSha256Hex } from "./hmac.ts";

// RFC 4231, sections 4.2 to 4.8 (case 5 truncates, which nothing here does). Messages are given in hex where they are not text.
const CASES: [key: Buffer, message: string, mac: string][] = [
  [Buffer.alloc(20, 0x0b), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
  [
    Buffer.from("Jefe"),
    "what do ya want for nothing?",
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  ],
  [
    Buffer.alloc(131, 0xaa),
    "Test Using Larger Than Block-Size Key - Hash Key First",
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  ],
  [
    Buffer.alloc(131, 0xaa),
    "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
  ],
];

test.each(CASES)("RFC 4231, %#: the published code comes out", (key, message, mac) => {
  expect(hmacSha256Hex(hmacKey(key), message)).toBe(mac);
  expect(hmacSha256(hmacKey(key), message).toString("hex")).toBe(mac);
});

test("any key and any message give what createHmac gives, also when one key is used again", () => {
  const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ minLength: 500, maxLength: 3000 }));
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(text, { minLength: 1, maxLength: 4 }),
      (secret, messages) => {
        const key = hmacKey(secret);
        for (const message of messages) {
          expect(hmacSha256Hex(key, message)).toBe(createHmac("sha256", secret).update(message).digest("hex"));
        }
      },
    ),
  );
});
