import type { Server } from "node:net";
import { HomeplaneError } from "./error.ts";

/** Fails with code PortTaken when somebody listens there. */
export function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") return reject(error);
      const next = "stop the program that listens there (`ss -ltnp` shows it), or choose another port with --port";
      reject(new HomeplaneError("PortTaken", `port ${port} on ${host} is taken`, next, { cause: error }));
    });
    server.listen({ host, port }, () => resolve());
  });
}
