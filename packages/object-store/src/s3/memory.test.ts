/** Bodies are streamed: the server's memory does not know how large an object is. Measured in a process of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ServerProcess } from "../testing/server-process.ts";

const MIB = 1024 * 1024;
const SIZE_MIB = 300;
/** What V8 and the buffers in flight may take more than after a small object; the object is three times as large. */
const ALLOWED = 100 * MIB;

test("an object of 300 MiB goes in, in parts, out, and to a reader that stops, within 100 MiB of memory", async () => {
  const root = await mkdtemp(join(tmpdir(), "s3-memory-"));
  try {
    await using server = await ServerProcess.start(root);
    const sign = async (method: "PUT" | "GET"): Promise<string> =>
      (await server.presigner.presign({ method, bucket: "data", key: "large", expiresSeconds: 600 })).url;
    const put = async (mib: number): Promise<number> => {
      const headers = { "content-length": String(mib * MIB) };
      return (await fetch(await sign("PUT"), { method: "PUT", body: stream(mib), headers, duplex: "half" })).status;
    };
    const read = async (): Promise<number> => {
      let size = 0;
      for await (const chunk of (await fetch(await sign("GET"))).body ?? []) size += chunk.byteLength;
      return size;
    };
    expect(await put(8)).toBe(200);
    await read();
    const before = await server.peakMemory();

    expect(await put(SIZE_MIB)).toBe(200);
    expect(await read()).toBe(SIZE_MIB * MIB);
    await joinedFromCopies(server, SIZE_MIB);
    await unreadGet(await sign("GET"));
    expect((await server.peakMemory()) - before).toBeLessThan(ALLOWED);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

function stream(mib: number): ReadableStream<Uint8Array> {
  let left = mib;
  return new ReadableStream({
    pull(controller) {
      if (left-- === 0) controller.close();
      else controller.enqueue(new Uint8Array(MIB).fill(left));
    },
  });
}

/** Two parts, each a copy of half of it, and their completion. */
async function joinedFromCopies(server: ServerProcess, mib: number): Promise<void> {
  const started = await server.call("POST", "/data/joined?uploads");
  const id = /<UploadId>(.*?)</.exec(started.text)?.[1] ?? "";
  const half = (mib / 2) * MIB;
  const parts: string[] = [];
  for (const number of [1, 2]) {
    const headers = {
      "x-amz-copy-source": "/data/large",
      "x-amz-copy-source-range": `bytes=${(number - 1) * half}-${number * half - 1}`,
    };
    const part = await server.call("PUT", `/data/joined?partNumber=${number}&uploadId=${id}`, "", headers);
    const etag = /<ETag>(.*?)</.exec(part.text)?.[1] ?? "";
    parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`);
  }
  const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
  expect((await server.call("POST", `/data/joined?uploadId=${id}`, body)).status).toBe(200);
  expect((await server.call("HEAD", "/data/joined")).headers["content-length"]).toBe(String(mib * MIB));
}

/** Asks for it and never reads: the server must wait with it, not for it in memory. */
async function unreadGet(url: string): Promise<void> {
  const { port, host, pathname, search } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.pause();
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  socket.destroy();
}
