/** What every `ObjectStore` keeps, whatever stands behind it. `open` gives one with the empty, exclusive bucket "bucket". */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAll } from "../body.ts";
import { PART_BYTES } from "../s3-client/parts.ts";
import type { ListOptions, ObjectBody, ObjectStore } from "../port.ts";

export interface Subject extends AsyncDisposable {
  readonly store: ObjectStore;
  readonly bucket: string;
  /** Keys are names and nothing else: `..` is one, and `b` stands beside `b/c`. MinIO keeps files in folders. */
  readonly flat: boolean;
}

const md5 = (data: string | Uint8Array): Buffer => createHash("md5").update(data).digest();

export function objectStoreContract(name: string, open: () => Promise<Subject>): void {
  describe(`the object store on ${name}`, () => {
    let subject: Subject;
    let store: ObjectStore;
    let bucket = "";
    beforeAll(async () => {
      subject = await open();
      ({ store, bucket } = subject);
    });
    afterAll(() => subject?.[Symbol.asyncDispose]());

    const put = (key: string, text = key) => store.put(bucket, key, Buffer.from(text));
    const read = async (key: string): Promise<string> =>
      Buffer.from(await readAll((await store.get(bucket, key)).body, 1e8)).toString();
    const absent = (key: string) =>
      expect(store.head(bucket, key), key).rejects.toMatchObject({ name: "ObjectStoreError", code: "NotFound" });

    test("what was put comes back, described as it was", async () => {
      const given = {
        contentType: "text/plain",
        metadata: { a: "b", "pod-uid": "1-2", umlaut: "ü 😀" },
        headers: { "cache-control": "no-cache" },
      };
      const before = Date.now();
      const written = await store.put(bucket, "described/k", Buffer.from("hello"), given);
      const expected = { key: "described/k", size: 5, etag: md5("hello").toString("hex"), ...given };
      expect(written).toMatchObject(expected);
      const found = await store.head(bucket, "described/k");
      expect(found).toMatchObject(expected);
      expect(Math.abs(found.lastModified.getTime() - before)).toBeLessThan(60_000);
      const { meta, body } = await store.get(bucket, "described/k");
      expect(meta).toMatchObject(expected);
      expect(Buffer.from(await readAll(body, 10)).toString()).toBe("hello");
    });

    test("an object without a description has none", async () => {
      await put("plain");
      const { contentType, headers, checksum, metadata } = await store.head(bucket, "plain");
      expect([contentType, headers, checksum, metadata]).toEqual([undefined, undefined, undefined, {}]);
    });

    test("an empty object is an object", async () => {
      expect((await store.put(bucket, "empty", new Uint8Array())).size).toBe(0);
      expect((await store.head(bucket, "empty")).size).toBe(0);
      expect(await read("empty")).toBe("");
      await store.put(bucket, "empty-stream", chunked([]));
      expect(await read("empty-stream")).toBe("");
    });

    test("a range has both of its ends, is cut at the object's, and must begin in it", async () => {
      await put("range", "0123456789");
      const range = async (start: number, end?: number) => {
        const options = { range: { start, ...(end !== undefined && { end }) } };
        const { meta, body } = await store.get(bucket, "range", options);
        expect(meta.size).toBe(10);
        return Buffer.from(await readAll(body, 100)).toString();
      };
      expect(await range(2, 4)).toBe("234");
      expect(await range(0, 0)).toBe("0");
      expect(await range(8)).toBe("89");
      expect(await range(8, 100)).toBe("89");
      await expect(range(10)).rejects.toMatchObject({ code: "InvalidRange" });
      await expect(range(4, 2)).rejects.toMatchObject({ code: "InvalidRange" });
    });

    const keys = ["a b+c&d=e?f#g%25", "é/😀", "%2e%2e/x", "x/(y)'*!~", "tail ", "a<b>&\"c'", "q=1&r", "-", "~"];
    test.each(keys)("the key %j is kept, listed and deleted like any other", async (key) => {
      await put(`keys/${key}`, key);
      expect(await read(`keys/${key}`)).toBe(key);
      expect((await store.list(bucket, { prefix: `keys/${key}` })).objects.map((object) => object.key)).toEqual([
        `keys/${key}`,
      ]);
      await store.delete(bucket, `keys/${key}`);
      await absent(`keys/${key}`);
    });

    test.each(["../x", "a//b", "a/./b", "a/", "\u0001", "line\nbreak"])(
      "the key %j, which no path has, is a key too, or is refused",
      async (key) => {
        const wanted = `odd/${key}`;
        const outcome = await put(wanted).catch((error: unknown) => error);
        if (subject.flat) expect(outcome).toMatchObject({ key: wanted });
        else if (outcome instanceof Error) return expect(outcome).toMatchObject({ code: "InvalidKey" });
        expect(await read(wanted)).toBe(wanted);
        expect((await store.list(bucket, { prefix: wanted })).objects.map((object) => object.key)).toEqual([wanted]);
        await store.delete(bucket, wanted);
      },
    );

    test.each(["", "\ud800", "x".repeat(1025)])("a key that S3 does not have is refused", async (key) => {
      await expect(put(key)).rejects.toMatchObject({ code: "InvalidKey" });
      await expect(store.get(bucket, key)).rejects.toMatchObject({ code: "InvalidKey" });
    });

    test("a body with another MD5 is refused, in one piece and in parts, and leaves what was there", async () => {
      await put("digest", "before");
      for (const body of [Buffer.from("x"), large(9), chunked([large(9)])]) {
        const refused = store.put(bucket, "digest", body, { contentMd5: md5("y") });
        await expect(refused).rejects.toMatchObject({ code: "BadDigest" });
      }
      expect(await read("digest")).toBe("before");
      const whole = large(9);
      await store.put(bucket, "digest", chunked([whole]), { contentMd5: md5(whole) });
      expect((await store.head(bucket, "digest")).size).toBe(whole.byteLength);
    });

    test("of many that create the same key at once, exactly one does", async () => {
      const tries = Array.from({ length: 10 }, (_, i) =>
        store.put(bucket, "created", Buffer.from(`${i}`), { ifNoneMatch: "*" }),
      );
      const outcomes = await Promise.allSettled(tries);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const outcome of outcomes.filter(({ status }) => status === "rejected"))
        expect(outcome).toMatchObject({ reason: { code: "PreconditionFailed" } });
    });

    test("an object in parts is only created when there is none", async () => {
      await put("created-parts", "before");
      const refused = store.put(bucket, "created-parts", chunked([large(9)]), { ifNoneMatch: "*" });
      await expect(refused).rejects.toMatchObject({ code: "PreconditionFailed" });
      expect(await read("created-parts")).toBe("before");
    });

    test("a version is replaced only by who knows it", async () => {
      const { etag } = await put("replaced", "0");
      const next = await store.put(bucket, "replaced", Buffer.from("1"), { ifMatch: etag });
      await expect(store.put(bucket, "replaced", Buffer.from("2"), { ifMatch: etag })).rejects.toMatchObject({
        code: "PreconditionFailed",
      });
      await store.put(bucket, "replaced", Buffer.from("3"), { ifMatch: next.etag });
      expect(await read("replaced")).toBe("3");
      await expect(store.put(bucket, "never-there", Buffer.from("x"), { ifMatch: etag })).rejects.toMatchObject({
        code: "NotFound",
      });
    });

    test("deleting what is absent succeeds", async () => {
      await put("deleted");
      await store.delete(bucket, "deleted");
      await store.delete(bucket, "deleted");
      await absent("deleted");
    });

    test("a version is deleted only by who knows it", async () => {
      const { etag } = await put("known", "0");
      await put("known", "1");
      await expect(store.delete(bucket, "known", { ifMatch: etag })).rejects.toMatchObject({
        code: "PreconditionFailed",
      });
      expect(await read("known")).toBe("1");
    });

    test("what is not there is NotFound; a bucket that is not there is NoSuchBucket", async () => {
      await absent("nothing/here");
      await expect(store.get(bucket, "nothing/here")).rejects.toMatchObject({ code: "NotFound" });
      const other = `${bucket}-none`;
      await expect(store.head(other, "k")).rejects.toMatchObject({ code: "NoSuchBucket" });
      await expect(store.get(other, "k")).rejects.toMatchObject({ code: "NoSuchBucket" });
      await expect(store.put(other, "k", Buffer.from("x"))).rejects.toMatchObject({ code: "NoSuchBucket" });
      await expect(store.put(other, "k", chunked([large(9)]))).rejects.toMatchObject({ code: "NoSuchBucket" });
      await expect(store.list(other)).rejects.toMatchObject({ code: "NoSuchBucket" });
    });

    test("streams of all lengths around a part's come back as they were", async () => {
      const part = PART_BYTES;
      for (const size of [1, part - 1, part, part + 1, 2 * part, 3 * part + 7]) {
        const data = Buffer.alloc(size, `${size},`);
        const meta = await store.put(bucket, "stream", chunked([data], 1_000_003), {
          contentType: "x/y",
          metadata: { n: `${size}` },
        });
        expect(meta.size).toBe(size);
        const found = await store.head(bucket, "stream");
        expect(found).toMatchObject({ size, etag: meta.etag, contentType: "x/y", metadata: { n: `${size}` } });
        const got = await readAll((await store.get(bucket, "stream")).body, size);
        expect(md5(got).equals(md5(data)), `${size} bytes`).toBe(true);
      }
    });

    test("a source that fails, or an abort, leaves nothing, and its own error is told", async () => {
      const broken = async function* (): ObjectBody {
        yield large(9);
        yield large(9);
        throw new Error("the source broke");
      };
      await expect(store.put(bucket, "broken", broken())).rejects.toThrow("the source broke");
      await absent("broken");
      const stop = new AbortController();
      const silent = async function* (): ObjectBody {
        yield large(20);
        setTimeout(() => stop.abort(new Error("enough")), 50);
        await new Promise(() => undefined);
      };
      await expect(store.put(bucket, "silent", silent(), { signal: stop.signal })).rejects.toThrow("enough");
      await absent("silent");
    });

    test("an aborted signal is told as it is by every call", async () => {
      const signal = AbortSignal.abort(new Error("enough"));
      await put("abort");
      const calls = [
        () => store.put(bucket, "abort", Buffer.from("x"), { signal }),
        () => store.get(bucket, "abort", { signal }),
        () => store.head(bucket, "abort", { signal }),
        () => store.delete(bucket, "abort", { signal }),
        () => store.list(bucket, { signal }),
      ];
      for (const call of calls) await expect(call()).rejects.toThrow("enough");
      expect(await read("abort")).toBe("abort");
    });

    test("a reader that stops in the middle is no one's error", async () => {
      await store.put(bucket, "long", large(12));
      const { body } = await store.get(bucket, "long");
      for await (const chunk of body) {
        expect(chunk.byteLength).toBeGreaterThan(0);
        break;
      }
      expect((await store.head(bucket, "long")).size).toBe(12 * 1024 * 1024);
    });

    test("a reader that never begins, and leaves, leaves", async () => {
      const { body } = await store.get(bucket, "long");
      const source = Readable.from(body);
      source.destroy();
      await new Promise((resolve) => source.on("close", resolve));
      expect((await store.head(bucket, "long")).size).toBe(12 * 1024 * 1024);
    });

    test("a list comes in pages, in the order of UTF-8 bytes, also beyond 1000", async () => {
      const names = Array.from({ length: 1003 }, (_, n) => `list/${String(n).padStart(4, "0")}`);
      await inTens(names, (key) => put(key, ""));
      const pages: number[] = [];
      const found: string[] = [];
      let token: string | undefined;
      do {
        const more = token === undefined ? {} : { continuationToken: token };
        const page = await store.list(bucket, { prefix: "list/", ...more });
        pages.push(page.objects.length);
        found.push(...page.objects.map(({ key }) => key));
        token = page.nextContinuationToken;
      } while (token !== undefined && pages.length < 10);
      expect(found).toEqual(names);
      expect(pages).toEqual([1000, 3]);
      expect((await store.list(bucket, { prefix: "list/", maxKeys: 0 })).objects).toEqual([]);
      const after = await store.list(bucket, { prefix: "list/", startAfter: "list/1000" });
      expect(after.objects.map(({ key }) => key)).toEqual(["list/1001", "list/1002"]);
    });

    test("a list in groups names each group once, whatever the size of pages", async () => {
      // MinIO forgets `b/` on a page that begins behind `b`.
      const beside = subject.flat ? ["b/1"] : [];
      const names = ["a/1", "a/2", "b", "b-", ...beside, "c/d/e", "ä/1", "😀"].map((name) => `groups/${name}`);
      for (const key of names) await put(key, "");
      const groups = ["a/", "b", "b-", ...(subject.flat ? ["b/"] : []), "c/", "ä/", "😀"];
      const wanted = groups.map((name) => `groups/${name}`);
      for (const maxKeys of [1, 2, 3, 100])
        expect(await listAll({ prefix: "groups/", delimiter: "/", maxKeys }), `${maxKeys}`).toEqual(wanted);
    });

    async function listAll(options: ListOptions): Promise<string[]> {
      const found: string[] = [];
      let token: string | undefined;
      for (let pages = 0; pages < 100; pages++) {
        const more = token === undefined ? {} : { continuationToken: token };
        const page = await store.list(bucket, { ...options, ...more });
        const here = [...page.objects.map(({ key }) => key), ...page.commonPrefixes];
        expect(here.length).toBeLessThanOrEqual(options.maxKeys ?? 1000);
        found.push(...here.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
        token = page.nextContinuationToken;
        if (token === undefined) return found;
      }
      return found;
    }
  });
}

function large(mib: number): Buffer {
  return Buffer.alloc(mib * 1024 * 1024, "0123456789abcdef-");
}

async function* chunked(bodies: readonly Uint8Array[], size = 300_000): ObjectBody {
  for (const body of bodies) for (let at = 0; at < body.byteLength; at += size) yield body.subarray(at, at + size);
}

async function inTens<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += 10) await Promise.all(items.slice(at, at + 10).map(run));
}
