/**
 * A server without authentication on loopback is still within reach of every web page that the user opens: a name that resolves to 127.0.0.1 (DNS
 * rebinding) or a cross-origin request gets there. So the Host must be loopback's own name, and a browser's Origin must be this very server.
 */
import type { HttpHandler } from "./http-protocols.ts";

const loopbackNames: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** Whether a server that listens on this address is within reach of this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** The reason to refuse, `undefined` when there is none. `host` is the Host header or `:authority`. */
export function foreignRequest(host: string | undefined, origin: string | undefined): string | undefined {
  const name = host === undefined ? undefined : URL.parse(`http://${host}`)?.hostname;
  if (name === undefined || !loopbackNames.has(name))
    return `Host "${host ?? ""}" is not a name of this machine's loopback: use http://127.0.0.1`;
  if (origin !== undefined && URL.parse(origin)?.host !== URL.parse(`http://${host}`)?.host)
    return `pages of ${origin} may not call this server`;
  return undefined;
}

/** Answers 403 to what comes from elsewhere and passes the rest on. */
export function loopbackOnly(handler: HttpHandler): HttpHandler {
  return (request, response) => {
    const authority = request.headers[":authority"];
    const host = typeof authority === "string" ? authority : request.headers.host;
    const refusal = foreignRequest(host, request.headers.origin);
    if (refusal === undefined) {
      handler(request, response);
      return;
    }
    response.statusCode = 403;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ code: "permission_denied", message: refusal }));
  };
}
