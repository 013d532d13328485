import { expect, test } from "vitest";
import { readAll } from "./body.ts";
import { nativeUrl, parseNativeUrl } from "./native-url.ts";

test.each(["k", "a/b c/%25?x#y/é", "//", ""])("a native URL keeps its key to the letter: %j", (key) => {
  expect(parseNativeUrl(nativeUrl("bucket", key))).toEqual({ bucket: "bucket", key });
});

test.each(["", "s3://", "s3:///key", "gs://bucket/key", "/bucket/key", "S3://bucket/key"])("%j is not one", (url) => {
  expect(() => parseNativeUrl(url)).toThrow(expect.objectContaining({ code: "InvalidKey" }) as Error);
});

test("reading into memory stops at the limit, without reading on", async () => {
  let read = 0;
  const body = async function* (): AsyncGenerator<Uint8Array> {
    for (; read < 100; read++) yield Buffer.alloc(10);
  };
  expect(
    await readAll(
      (async function* () {
        yield Buffer.alloc(10);
      })(),
      10,
    ),
  ).toHaveLength(10);
  await expect(readAll(body(), 25)).rejects.toMatchObject({ code: "TooLarge" });
  expect(read).toBe(2);
});
