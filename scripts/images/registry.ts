/**
 * Pushes an image by the OCI distribution specification 1.1, without a login: to a registry inside a network of one's own. For any other there
 * are the archives and the tools that know logins (skopeo, crane).
 */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { Blob, Image } from "./image.ts";

/** A layer of 60 MB over a slow line. */
const longestMs = 300_000;

/** `registry`: `https://host[:port]`, or `http://...` where there is no TLS. Returns the reference by digest. */
export async function push(
  image: Image,
  registry: string,
  repository: string,
  tags: readonly string[],
): Promise<string> {
  const base = `${registry}/v2/${repository}`;
  for (const blob of image.blobs) await pushBlob(base, blob);
  for (const { mediaType, digest, bytes } of image.manifests) {
    await call("PUT", `${base}/manifests/${digest}`, { "content-type": mediaType }, bytes);
  }
  const root = image.manifests.find(({ digest }) => digest === image.root.digest);
  if (root === undefined) throw new Error(`the image ${repository} lacks its own manifest`);
  for (const tag of tags) await call("PUT", `${base}/manifests/${tag}`, { "content-type": root.mediaType }, root.bytes);
  return `${new URL(registry).host}/${repository}@${image.root.digest}`;
}

async function pushBlob(base: string, blob: Blob): Promise<void> {
  const { ok } = await request("HEAD", `${base}/blobs/${blob.digest}`);
  if (ok) return;
  const begun = await call("POST", `${base}/blobs/uploads/`);
  const place = begun.headers.get("location");
  if (place === null) throw new Error(`${base}: the registry began an upload and did not say where`);
  const target = new URL(place, base);
  target.searchParams.set("digest", blob.digest);
  const body = "bytes" in blob ? blob.bytes : (Readable.toWeb(createReadStream(blob.file)) as ReadableStream);
  await call(
    "PUT",
    target.href,
    { "content-type": "application/octet-stream", "content-length": String(blob.size) },
    body,
  );
}

async function call(method: string, url: string, headers = {}, body?: Buffer | ReadableStream): Promise<Response> {
  const response = await request(method, url, headers, body);
  if (response.ok) return response;
  const text = (await response.text()).slice(0, 500);
  const login =
    response.status === 401 || response.status === 403
      ? "\n  What to do: this registry wants a login; build with --archive and push dist/images/*.tar with `skopeo copy oci-archive:... docker://...`."
      : "";
  throw new Error(
    `${method} ${new URL(url).origin}${new URL(url).pathname} answered ${response.status}: ${text}${login}`,
  );
}

async function request(method: string, url: string, headers = {}, body?: Buffer | ReadableStream): Promise<Response> {
  try {
    const duplex = body instanceof ReadableStream ? { duplex: "half" as const } : {};
    return await fetch(url, {
      method,
      headers,
      ...(body ? { body } : {}),
      ...duplex,
      signal: AbortSignal.timeout(longestMs),
    });
  } catch (error) {
    const { cause } = error as Error;
    const why = cause instanceof Error ? cause.message : String(error);
    throw new Error(`${new URL(url).origin} does not answer: ${why}`, { cause: error });
  }
}
