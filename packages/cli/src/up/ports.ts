import { HomeplaneError, type HttpServer, listenHttp } from "@homeplane/runtime-kit";
import { readJson } from "./data-dir.ts";

/** The ports beside the control plane's own. */
export interface Ports {
  readonly objectStore: number;
  readonly kube: number;
  readonly gateway: number;
}

/** What the last start used: addresses that users have noted stay as they are. Without one, the ports that follow the control plane's. */
export async function preferredPorts(path: string, controlPlane: number): Promise<Ports> {
  const known = await readJson(path);
  if (isPorts(known)) return known;
  if (controlPlane === 0) return { objectStore: 0, kube: 0, gateway: 0 };
  return { objectStore: controlPlane + 1, kube: controlPlane + 2, gateway: controlPlane + 3 };
}

function isPorts(value: unknown): value is Ports {
  const port = (key: string): boolean => Number.isInteger((value as Record<string, unknown>)[key]);
  return typeof value === "object" && value !== null && port("objectStore") && port("kube") && port("gateway");
}

/** Listens on the preferred port, on any free one when that is taken. */
export async function listenNear<T extends Pick<HttpServer, "port">>(
  port: number,
  listen: (port: number) => Promise<T>,
): Promise<T> {
  try {
    return await listen(port > 65_535 ? 0 : port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const taken = code === "EADDRINUSE" || (error instanceof HomeplaneError && error.code === "PortTaken");
    if (!taken || port === 0) throw error;
    return listen(0);
  }
}

/** Fails with PortTaken before anything is made: a start that can not succeed should leave nothing. */
export async function requireFree(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const probe = await listenHttp({ host, port, handler: (_, response) => response.end() });
  await probe.close(0);
}
