import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HttpServer, listenHttp } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { listenNear, preferredPorts } from "./ports.ts";

const listen = (port: number): Promise<HttpServer> =>
  listenHttp({ host: "127.0.0.1", port, handler: (_, response) => response.end() });

test("a preferred port that is taken gives way to any free one", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  const taken = typeof address === "object" && address !== null ? address.port : 0;
  const server = await listenNear(taken, listen);
  expect(server.port).not.toBe(taken);
  await server.close();
  other.close();
});

test("a failure that is no taken port is not swallowed", async () => {
  await expect(listenNear(1, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
});

test("the ports of the last start are preferred, then those that follow the control plane's", async () => {
  const dir = await mkdtemp(join(tmpdir(), "homeplane-ports-"));
  const path = join(dir, "ports.json");
  expect(await preferredPorts(path, 8090)).toEqual({ objectStore: 8091, kube: 8092, gateway: 8093 });
  expect(await preferredPorts(path, 0)).toEqual({ objectStore: 0, kube: 0, gateway: 0 });
  await writeFile(path, JSON.stringify({ objectStore: 1001, kube: 1002, gateway: 1003 }));
  expect(await preferredPorts(path, 8090)).toEqual({ objectStore: 1001, kube: 1002, gateway: 1003 });
  await writeFile(path, "{ torn");
  expect(await preferredPorts(path, 8090)).toEqual({ objectStore: 8091, kube: 8092, gateway: 8093 });
  await rm(dir, { recursive: true });
});
