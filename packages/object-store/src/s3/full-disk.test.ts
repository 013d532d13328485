/** A disk that is full: told as such, and nothing is left half-made. On a small file system of its own, where that may be made. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { codeOf } from "../testing/harness.ts";
import { ServerProcess } from "../testing/server-process.ts";

const MIB = 1024 * 1024;
const mount = `mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@"`;
const canMount = spawnSync("unshare", ["-m", "sh", "-c", mount, tmpdir(), "true"]).status === 0;

test.skipIf(!canMount)(
  "a full disk is 507 and says so, what was there stays, and there is space again afterwards",
  async () => {
    const root = await mkdtemp(join(tmpdir(), "s3-full-"));
    try {
      await using server = await ServerProcess.start(root, ["unshare", "-m", "sh", "-c", mount, root]);
      const put = (target: string, mib: number) => server.call("PUT", target, Buffer.alloc(mib * MIB, "x"));
      expect((await server.call("PUT", "/data/k", "before", { "x-amz-meta-a": "b" })).status).toBe(200);

      const refused = await put("/data/k", 20);
      expect([refused.status, codeOf(refused)]).toEqual([507, "InsufficientStorage"]);
      expect(refused.text).toContain("the disk that holds the store is full");
      expect(await server.call("GET", "/data/k")).toMatchObject({ text: "before", headers: { "x-amz-meta-a": "b" } });

      const started = await server.call("POST", "/data/parts?uploads");
      const id = /<UploadId>(.*?)</.exec(started.text)?.[1] ?? "";
      const part = (number: number, mib: number) => put(`/data/parts?partNumber=${number}&uploadId=${id}`, mib);
      expect((await part(1, 10)).status).toBe(200);
      expect((await part(2, 10)).status).toBe(507);
      // The parts fit, their sum beside them does not.
      const etag = /<ETag>(.*?)</.exec((await server.call("GET", `/data/parts?uploadId=${id}`)).text)?.[1];
      const list = `<Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part>`;
      const body = `<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`;
      expect((await server.call("POST", `/data/parts?uploadId=${id}`, body)).status).toBe(507);
      expect((await server.call("HEAD", "/data/parts")).status).toBe(404);
      expect((await server.call("DELETE", `/data/parts?uploadId=${id}`)).status).toBe(204);

      // All of it is free again: nothing of what was refused has stayed.
      expect((await put("/data/large", 15)).status).toBe(200);
      // Not even a record of a few bytes fits now, nor can an upload begin; a delete can.
      for (let size = MIB / 2; size >= 1; size = Math.floor(size / 2))
        await server.call("PUT", `/data/fill/${size}`, Buffer.alloc(size));
      const small = await server.call("PUT", "/data/k", "after");
      expect([200, 507]).toContain(small.status);
      expect(await server.call("GET", "/data/k")).toMatchObject({ text: small.status === 200 ? "after" : "before" });
      expect((await server.call("POST", "/data/more?uploads")).status).toBe(507);
      expect((await server.call("DELETE", "/data/large")).status).toBe(204);
      expect((await server.call("PUT", "/data/k", "again")).status).toBe(200);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  },
);
