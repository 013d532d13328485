import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readAll } from "../body.ts";
import { scopeOf, signingKey } from "../sigv4/scope.ts";
import { type ChunkedOptions, decodeAwsChunked } from "./aws-chunked.ts";

// The example of the Amazon S3 API Reference, "Transferring Payload in Multiple Chunks (Chunked Upload)".
const seed = {
  signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
  key: signingKey("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1"),
  date: "20130524T000000Z",
  scope: scopeOf("20130524", "us-east-1"),
};
const chunk = (size: number, signature: string): string =>
  `${size.toString(16)};chunk-signature=${signature}\r\n${"a".repeat(size)}\r\n`;
const FIRST = chunk(65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
const SECOND = chunk(1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
const LAST = chunk(0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");

async function decode(wire: string, options: Partial<ChunkedOptions> = {}, piece = 1 << 20) {
  let trailers: ReadonlyMap<string, string> = new Map();
  const pieces = async function* (): AsyncGenerator<Buffer> {
    for (let at = 0; at < wire.length; at += piece) yield Buffer.from(wire.slice(at, at + piece), "latin1");
  };
  const all = { signed: true, trailers: false, decodedLength: 66560, seed, ...options };
  const body = decodeAwsChunked(pieces(), all, (found) => {
    trailers = found;
  });
  return { text: Buffer.from(await readAll(body, 1e6)).toString("latin1"), trailers };
}

test("AWS's published signed chunks decode", async () => {
  expect((await decode(FIRST + SECOND + LAST)).text).toBe("a".repeat(66560));
});

test.each([
  ["a changed byte", FIRST.replace("aaaa", "aaba") + SECOND + LAST, "SignatureDoesNotMatch"],
  ["a chunk left out", FIRST + LAST, "SignatureDoesNotMatch"],
  ["chunks in another order", SECOND + FIRST + LAST, "SignatureDoesNotMatch"],
  ["no end", FIRST + SECOND, "IncompleteBody"],
  ["more behind the end", `${FIRST}${SECOND}${LAST}x`, "IncompleteBody"],
  ["an unsigned chunk", "1\r\na\r\n", "InvalidRequest"],
  ["a size that is a lie", FIRST.replace("10000;", "ffff;"), "SignatureDoesNotMatch"],
  ["more than announced", `fffff;chunk-signature=${"0".repeat(64)}\r\n`, "IncompleteBody"],
  ["an endless line", "1".repeat(10_000), "InvalidRequest"],
])("refused: %s", async (_, wire, code) => {
  await expect(decode(wire)).rejects.toMatchObject({ code });
});

test("unsigned chunks with a trailer decode however the wire cuts them", async () => {
  const parts = fc.array(fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 30 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(parts, fc.integer({ min: 1, max: 40 }), async (chunks, piece) => {
      const wire = `${chunks.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join("")}0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n`;
      const whole = chunks.join("");
      const { text, trailers } = await decode(
        wire,
        { signed: false, trailers: true, decodedLength: whole.length },
        piece,
      );
      expect(text).toBe(whole);
      expect(trailers.get("x-amz-checksum-crc32")).toBe("AAAAAA==");
    }),
  );
});
