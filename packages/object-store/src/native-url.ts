import { ObjectStoreError } from "./error.ts";

const SCHEME = "s3://";

/** `s3://bucket/key`; the key is literal, nothing in it is percent-encoded (as the AWS tools and fsspec read such URLs). */
export function nativeUrl(bucket: string, key: string): string {
  return `${SCHEME}${bucket}/${key}`;
}

/** Throws `InvalidKey` for another scheme or an empty bucket. A URL of a bucket alone has the key "". */
export function parseNativeUrl(url: string): { bucket: string; key: string } {
  const slash = url.indexOf("/", SCHEME.length);
  const bucket = url.slice(SCHEME.length, slash === -1 ? undefined : slash);
  if (!url.startsWith(SCHEME) || bucket === "") {
    throw new ObjectStoreError("InvalidKey", `expected a URL of the form s3://bucket/key, got ${JSON.stringify(url)}`);
  }
  return { bucket, key: slash === -1 ? "" : url.slice(slash + 1) };
}
