/** `GET /homeplane/v1/clusters` at the clients' port: which data planes are connected, as JSON. */
import type { connectNodeAdapter } from "@connectrpc/connect-node";

type Fallback = NonNullable<Parameters<typeof connectNodeAdapter>[0]["fallback"]>;

export interface ClusterConnection {
  readonly name: string;
  /** Its operator has called within the last 30 s. */
  readonly connected: boolean;
  readonly version: string;
  readonly lastHeard: string | undefined;
  /** Without any, nothing that needs the data plane's store, logs or secrets works from here. */
  readonly tunnelConnections: number;
}

export function clustersPage(list: () => readonly ClusterConnection[], next: Fallback): Fallback {
  return (request, response) => {
    if (request.method !== "GET" || request.url !== "/homeplane/v1/clusters") {
      next(request, response);
      return;
    }
    response.setHeader("content-type", "application/json");
    response.setHeader("cache-control", "no-store");
    response.end(`${JSON.stringify({ clusters: list() })}\n`);
  };
}
