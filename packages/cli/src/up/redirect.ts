import { HomeplaneError, type HttpServer, listenHttp, type Logger } from "@homeplane/runtime-kit";

/**
 * For the endpoint `localhost:8090`, and for that alone, the SDK prints addresses with port 8080 (flyte/remote/_client/controlplane.py).
 */
export const sdkPorts = { endpoint: 8090, printed: 8080 } as const;

/** Sends what comes to one port on to another. `undefined` when the port is taken: then the printed addresses lead where they would without this. */
export async function listenRedirect(
  host: string,
  from: number,
  to: number,
  log: Logger,
): Promise<HttpServer | undefined> {
  try {
    return await listenHttp({
      host,
      port: from,
      handler: (request, response) => {
        // Only what is a path: an absolute form (RFC 9112, 3.2.2) could name another host.
        const path = request.url?.startsWith("/") === true ? request.url : "/";
        response.statusCode = 307;
        response.setHeader("location", `http://localhost:${to}${path}`);
        response.end();
      },
    });
  } catch (error) {
    if (!(error instanceof HomeplaneError && error.code === "PortTaken")) throw error;
    log.info({ event: "redirect.port_taken", port: from });
    return undefined;
  }
}
