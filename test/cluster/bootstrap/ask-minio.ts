/** A request to a MinIO by its root user. */
import { request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { signHeaders } from "@homeplane/object-store/testing/sign";

export interface MinioAccess {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** PEM. */
  readonly ca: string;
}

export interface MinioRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  /** 200 unless told. */
  readonly expected?: readonly number[];
}

const longestMs = 60_000;
const answerMs = 10_000;

/**
 * Resolves when it has answered as expected. Right after its start it is ready for some requests while it answers others with 503, until its own set-up is
 * done: these are sent again for a minute.
 */
export async function askMinio(access: MinioAccess, { expected = [200], ...sent }: MinioRequest): Promise<void> {
  for (const end = Date.now() + longestMs; ; await sleep(200)) {
    const { status, text } = await send(access, sent);
    if (expected.includes(status)) return;
    if (status !== 503 || Date.now() > end)
      throw new Error(`${sent.method} ${access.url}${sent.path}: ${status}\n${text.slice(0, 500)}`);
  }
}

function send(
  access: MinioAccess,
  { method, path, body = "" }: MinioRequest,
): Promise<{ status: number; text: string }> {
  const { url: base, ca, ...keys } = access;
  const url = `${base}${path}`;
  const headers = signHeaders({ method, url, body, at: new Date(), ...keys });
  return new Promise((resolve, reject) => {
    const call = request(url, { method, headers, ca, timeout: answerMs, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text })).on("error", reject);
    });
    call.on("timeout", () => call.destroy(new Error(`${method} ${url}: no answer`))).on("error", reject);
    call.end(body);
  });
}
