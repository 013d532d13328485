import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { openFsObjectStore } from "../fs/fs-object-store.ts";
import type { ObjectStore, Presigner } from "../port.ts";
import { startS3Server } from "../s3/server.ts";
import { createPresigner } from "../sigv4/presigner.ts";
import { credentials, credentialSource } from "./credentials.ts";
import { signHeaders } from "./sign.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface Call {
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payloadHash?: string;
  readonly secretAccessKey?: string;
  readonly accessKeyId?: string;
}

/** A server on a store in a temporary folder, with a clock that can be moved. */
export interface Harness extends AsyncDisposable {
  readonly url: string;
  readonly root: string;
  readonly store: ObjectStore;
  readonly presigner: Presigner;
  skipMs: number;
  /** A signed request. `target` is path and query as they go on the wire. */
  call(method: string, target: string, options?: Call): Promise<Answer>;
}

export async function startHarness(): Promise<Harness> {
  const root = await mkdtemp(join(tmpdir(), "s3-server-"));
  const skip = { ms: 0 };
  const clock = { ...systemClock, now: () => Date.now() + skip.ms };
  const buckets = ["data", "other"];
  const store = await openFsObjectStore({ root: join(root, "objects"), buckets, clock });
  const multipartRoot = join(root, "multipart");
  const server = await startS3Server({
    store,
    buckets,
    multipartRoot,
    host: "127.0.0.1",
    port: 0,
    credentials,
    clock,
    log: silentLogger,
  });
  return {
    url: server.url,
    root,
    store,
    presigner: createPresigner({ endpoint: server.url, region: "us-east-1", credentials: credentialSource, clock }),
    get skipMs() {
      return skip.ms;
    },
    set skipMs(ms) {
      skip.ms = ms;
    },
    call: (method, target, options = {}) => {
      const url = server.url + target;
      return send(method, url, signHeaders({ ...credentials, ...options, method, url, at: new Date() }), options.body);
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** `node:http` and not `fetch`, which will not send every header or path as it is given. */
export function send(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: string | Uint8Array,
): Promise<Answer> {
  const { host, hostname, port } = new URL(url);
  const path = url.slice(url.indexOf(host) + host.length);
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { method, hostname, port, path, headers: { ...length, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** The code of an S3 error body. */
export function codeOf({ text }: Answer): string | undefined {
  return /<Code>(\w+)<\/Code>/.exec(text)?.[1];
}
