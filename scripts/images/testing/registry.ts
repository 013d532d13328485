/**
 * A registry in memory, by the OCI distribution specification: it takes a manifest only when all that it names is there, and a blob only
 * under its own digest.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface MemoryRegistry extends AsyncDisposable {
  readonly url: string;
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** By `<repository>:<tag>` and `<repository>@<digest>`. */
  readonly manifests: ReadonlyMap<string, Buffer>;
  /** Of all requests, as `PUT /v2/...`. */
  readonly requests: string[];
}

export interface RegistryOptions {
  /** Of the specification 1.1: it keeps the list of referrers itself. */
  readonly listsReferrers?: boolean;
  /** Answers everything with this. */
  readonly refuses?: number;
}

interface Named {
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string }[];
  readonly manifests?: readonly { readonly digest: string }[];
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export async function startRegistry({
  listsReferrers = false,
  refuses,
}: RegistryOptions = {}): Promise<MemoryRegistry> {
  const [blobs, manifests, requests] = [new Map<string, Buffer>(), new Map<string, Buffer>(), [] as string[]];

  const missing = (
    repository: string,
    { config, layers = [], manifests: children = [] }: Named,
  ): string | undefined => {
    const lacking = [...(config === undefined ? [] : [config]), ...layers].find(({ digest }) => !blobs.has(digest));
    const child = children.find(({ digest }) => !manifests.has(`${repository}@${digest}`));
    return (lacking ?? child)?.digest;
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    const body = await buffer(request);
    requests.push(`${method} ${url}`);
    const end = (status: number, more: Record<string, string> = {}, text: Buffer | string = ""): void => {
      response.writeHead(status, more).end(text);
    };
    if (refuses !== undefined) return end(refuses, {}, '{"errors":[{"code":"UNAUTHORIZED"}]}');
    const { pathname, searchParams } = new URL(url, "http://registry");
    const [, repository = "", kind, reference = ""] =
      /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests)\/(.*)$/.exec(pathname) ?? [];
    if (method === "HEAD" && kind === "blobs") return end(blobs.has(reference) ? 200 : 404);
    if (method === "POST") return end(202, { location: `/v2/${repository}/blobs/uploads/1?state=x` });
    if (method === "PUT" && kind === "blobs/uploads") {
      const digest = searchParams.get("digest");
      if (searchParams.get("state") !== "x" || digest !== digestOf(body)) return end(400, {}, "DIGEST_INVALID");
      blobs.set(digest, body);
      return end(201);
    }
    const key = `${repository}${reference.startsWith("sha256:") ? "@" : ":"}${reference}`;
    if (method === "GET" && kind === "manifests") {
      const found = manifests.get(key);
      return found === undefined ? end(404) : end(200, {}, found);
    }
    if (method !== "PUT" || kind !== "manifests") return end(405);
    const manifest = JSON.parse(body.toString()) as Named & { mediaType: string; subject?: { digest: string } };
    const lacks = missing(repository, manifest);
    if (lacks !== undefined) return end(404, {}, `MANIFEST_BLOB_UNKNOWN ${lacks}`);
    if (manifest.mediaType !== headers["content-type"]) return end(400, {}, "MANIFEST_INVALID");
    manifests.set(key, body).set(`${repository}@${digestOf(body)}`, body);
    const subject = manifest.subject?.digest;
    return end(201, listsReferrers && subject !== undefined ? { "oci-subject": subject } : {});
  }

  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    blobs,
    manifests,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
