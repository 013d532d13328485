/** The door of the tunnel: an HTTP/1.1 request of the data plane that asks to go on in HTTP/2 with the roles turned round. */
import type { IncomingMessage } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { type Logger, messageOf } from "@homeplane/runtime-kit";
import type { ClusterTokens } from "./cluster-tokens.ts";
import type { TunnelRegistry } from "./registry.ts";

/** Several replicas, each with its 4, and the next version of each beside it. */
const maxConnections = 64;

const switching = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: homeplane-tunnel\r\n\r\n";

export interface TunnelUpgradeOptions {
  readonly registry: TunnelRegistry;
  readonly tokens: ClusterTokens;
  readonly log: Logger;
}

export function tunnelUpgrade(options: TunnelUpgradeOptions) {
  return (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    accept(options, request, socket, head).catch((error: unknown) => {
      options.log.error({ event: "tunnel.not_accepted", error: messageOf(error) });
      refuse(socket, 500, "internal", "the tunnel could not be accepted: look into the control plane's log");
    });
  };
}

async function accept(
  { registry, tokens, log }: TunnelUpgradeOptions,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): Promise<void> {
  const { authorization, upgrade } = request.headers;
  const cluster = await tokens.clusterOf(authorization);
  if (cluster === undefined) {
    log.warn({ event: "tunnel.refused", peer: socket.remoteAddress, reason: "token" });
    return refuse(socket, 401, "unauthenticated", unknownToken);
  }
  if (request.method !== "GET" || request.url !== "/homeplane/v1/tunnel" || upgrade !== "homeplane-tunnel")
    return refuse(socket, 404, "not_found", `there is no upgrade of ${request.method} ${request.url} to "${upgrade}"`);
  const named = request.headers["x-homeplane-cluster"];
  if (named !== cluster)
    return refuse(
      socket,
      403,
      "permission_denied",
      `the token is that of cluster "${cluster}", the header x-homeplane-cluster says "${String(named ?? "")}": use the name and the token of one cluster`,
    );
  if (registry.connections(cluster) >= maxConnections)
    return refuse(
      socket,
      429,
      "resource_exhausted",
      `cluster "${cluster}" has ${maxConnections} connections already: run fewer replicas of tunnel-service`,
    );
  if (socket.destroyed) return;
  socket.setTimeout(0);
  // Node aborts the process when a session takes over a socket whose last write has not come to its end.
  socket.write(switching, () => {
    if (socket.destroyed) return;
    if (head.length > 0) socket.unshift(head);
    registry.add(cluster, socket);
  });
}

export const unknownToken =
  "this control plane knows no cluster by this token: send `authorization: Bearer <token>` with the token that its configuration has for the cluster";

function refuse(socket: Socket, status: number, code: string, message: string): void {
  if (socket.destroyed) return;
  const body = JSON.stringify({ code, message });
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}
