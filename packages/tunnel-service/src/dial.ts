/**
 * One connection to the control plane, turned round: an HTTP/1.1 request to upgrade it, then the one who dialled serves HTTP/2 on it.
 * docs/reference/channels.md describes the exchange.
 */
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { Socket } from "node:net";
import { messageOf } from "@homeplane/runtime-kit";
import type { TunnelServiceOptions } from "./options.ts";

const dialTimeoutMs = 10_000;
const maxRefusalBytes = 2_000;

/** Rejects with what the control plane said when it refuses. */
export async function dial({ controlPlane, cluster }: TunnelServiceOptions, signal: AbortSignal): Promise<Socket> {
  const [ca, token] = await Promise.all([controlPlane.ca(), controlPlane.token()]);
  const either = AbortSignal.any([signal, AbortSignal.timeout(dialTimeoutMs)]);
  return new Promise((resolve, reject) => {
    const asked = request(new URL("/homeplane/v1/tunnel", controlPlane.url), {
      agent: false,
      minVersion: "TLSv1.2",
      ...(ca === undefined ? {} : { ca }),
      headers: {
        connection: "upgrade",
        upgrade: "homeplane-tunnel",
        authorization: `Bearer ${token}`,
        "x-homeplane-cluster": cluster,
      },
      signal: either,
    });
    asked.once("upgrade", (_response, socket: Socket, head: Buffer) => {
      socket.setNoDelay(true);
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      // Node aborts the process when a session takes over a socket whose last write has not come to its end.
      if (socket.writableLength === 0) resolve(socket);
      else reject(new Error(`${controlPlane.url} answered before the request was sent`));
    });
    asked.once("response", (response) => {
      refusalOf(response).then((refusal) => reject(new Error(refusal)), reject);
    });
    asked.once("error", (error) => {
      const why = signal.aborted || !either.aborted ? messageOf(error) : `no answer within ${dialTimeoutMs / 1000} s`;
      reject(new Error(`${controlPlane.url}: ${why}`, { cause: error }));
    });
    asked.end();
  });
}

async function refusalOf(response: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) {
    body += chunk as string;
    if (body.length > maxRefusalBytes) break;
  }
  response.destroy();
  return `refused with ${response.statusCode}: ${wordsOf(body.slice(0, maxRefusalBytes))}`;
}

function wordsOf(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === "string" ? message : body;
  } catch {
    return body;
  }
}
