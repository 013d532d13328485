/** For tests: a client's side of Signature Version 4, written apart from `sigv4/` so that a mistake is not made twice. */
import { createHash, createHmac } from "node:crypto";

export interface SignOptions {
  readonly method: string;
  readonly url: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly at: Date;
  /** In place of the body's SHA-256. */
  readonly payloadHash?: string;
}

export function signHeaders(options: SignOptions): Record<string, string> {
  const url = new URL(options.url);
  const date = options.at.toISOString().replace(/[-:]|\.\d+/g, "");
  const payloadHash =
    options.payloadHash ??
    createHash("sha256")
      .update(options.body ?? "")
      .digest("hex");
  const headers: Record<string, string> = {
    ...options.headers,
    host: url.host,
    "x-amz-date": date,
    "x-amz-content-sha256": payloadHash,
  };
  const names = Object.keys(headers).sort();
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const canonical = [
    options.method,
    url.pathname,
    query,
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    "",
    names.join(";"),
    payloadHash,
  ].join("\n");
  const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${createHash("sha256").update(canonical).digest("hex")}`;
  let key: string | Buffer = `AWS4${options.secretAccessKey}`;
  for (const step of scope.split("/")) key = createHmac("sha256", key).update(step).digest();
  const signature = createHmac("sha256", key).update(text).digest("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${options.accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return { ...headers, authorization };
}

function encode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      /[\w.~-]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("");
}
