/**
 * Pushes by the OCI distribution specification, without a login: to a registry inside a network of one's own. For any other there are the
 * archives, and the tools that know logins (skopeo, crane).
 */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { Blob, Image } from "./image.ts";

/** A large layer over a slow line. */
const longestMs = 300_000;

export interface Repository {
  /** `https://host[:port]`, or `http://...` where there is no TLS. */
  readonly registry: string;
  readonly name: string;
}

/** Returns the reference by digest. */
export async function push(image: Image, repository: Repository, tag: string): Promise<string> {
  for (const blob of image.blobs) await pushBlob(repository, blob);
  for (const { mediaType, digest, bytes } of image.manifests) {
    await putManifest(repository, digest, mediaType, bytes);
    if (digest === image.root.digest) await putManifest(repository, tag, mediaType, bytes);
  }
  return `${new URL(repository.registry).host}/${repository.name}@${image.root.digest}`;
}

/** Nothing is sent that is there already. */
export async function pushBlob(repository: Repository, blob: Blob): Promise<void> {
  const base = `${repository.registry}/v2/${repository.name}`;
  const { ok } = await request("HEAD", `${base}/blobs/${blob.digest}`);
  if (ok) return;
  const begun = await call("POST", `${base}/blobs/uploads/`);
  const place = begun.headers.get("location");
  if (place === null) throw new Error(`${base}: the registry began an upload and did not say where`);
  const target = new URL(place, base);
  target.searchParams.set("digest", blob.digest);
  const body = "bytes" in blob ? blob.bytes : (Readable.toWeb(createReadStream(blob.file)) as ReadableStream);
  const headers = { "content-type": "application/octet-stream", "content-length": String(blob.size) };
  await call("PUT", target.href, headers, body);
}

/** `reference`: a tag or a digest. */
export async function putManifest(
  { registry, name }: Repository,
  reference: string,
  type: string,
  bytes: Buffer,
): Promise<Headers> {
  const { headers } = await call(
    "PUT",
    `${registry}/v2/${name}/manifests/${reference}`,
    { "content-type": type },
    bytes,
  );
  return headers;
}

export async function readManifest({ registry, name }: Repository, reference: string): Promise<string | undefined> {
  const accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
  const response = await request("GET", `${registry}/v2/${name}/manifests/${reference}`, { accept });
  const text = await response.text();
  if (response.ok) return text;
  if (response.status === 404) return undefined;
  throw refused(response, "GET", text);
}

async function call(method: string, url: string, headers = {}, body?: Buffer | ReadableStream): Promise<Response> {
  const response = await request(method, url, headers, body);
  if (response.ok) return response;
  throw refused(response, method, await response.text());
}

function refused({ status, url }: Response, method: string, text: string): Error {
  const { origin, pathname } = new URL(url);
  const login =
    status === 401 || status === 403
      ? "\n  What to do: it wants a login; build with --archive and push with `skopeo copy oci-archive:dist/images/<name>.tar docker://<registry>/<name>`."
      : "";
  return new Error(`${origin} answered ${status} to ${method} ${pathname}: ${text.trim().slice(0, 500)}${login}`);
}

async function request(method: string, url: string, headers = {}, body?: Buffer | ReadableStream): Promise<Response> {
  const duplex = body instanceof ReadableStream ? { duplex: "half" as const } : {};
  try {
    const signal = AbortSignal.timeout(longestMs);
    return await fetch(url, { method, headers, ...(body === undefined ? {} : { body }), ...duplex, signal });
  } catch (error) {
    const { cause } = error as Error;
    const why = cause instanceof Error ? cause.message : String(error);
    const plain = /SSL|TLS|packet length/i.test(why)
      ? "\n  What to do: where the registry has no TLS, write http:// before it."
      : "";
    throw new Error(`${new URL(url).origin} does not answer: ${why.trim()}${plain}`, { cause: error });
  }
}
