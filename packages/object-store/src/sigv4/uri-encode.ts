/** AWS's URI encoding: everything but RFC 3986's unreserved characters, in upper-case hex, over UTF-8. */
const PLAIN = /^[A-Za-z0-9\-._~]*$/;
const PLAIN_PATH = /^[A-Za-z0-9\-._~/]*$/;

export function uriEncode(text: string): string {
  if (PLAIN.test(text)) return text;
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The same with `/` left alone: S3 keys in paths are encoded once, and never normalised. */
export function uriEncodePath(path: string): string {
  return PLAIN_PATH.test(path) ? path : path.split("/").map(uriEncode).join("/");
}
