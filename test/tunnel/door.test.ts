/** The control plane's port for data planes, with the channel that executor, operator and task-gateway use. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, createClient } from "@connectrpc/connect";
import {
  type ControlPlane,
  createControlPlane,
  ensureProject,
  openClusterTokens,
  openSqliteStore,
  TunnelRegistry,
} from "@homeplane/control-plane";
import { ProjectService } from "@homeplane/idl/flyteidl2/project/project_service";
import { OrchestrationService } from "@homeplane/idl/homeplane/v1/orchestration";
import { ensureCertificates } from "@homeplane/kube-embedded";
import { listenTls, openGrpcChannel, silentLogger as log, systemClock as clock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { token } from "./pair.ts";

async function startDoor() {
  const stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "homeplane-door-"));
  stack.defer(() => rm(dir, { recursive: true }));
  const { ca } = await ensureCertificates({ dir, clock });
  const tokenFile = join(dir, "token");
  await writeFile(tokenFile, token);
  const store = openSqliteStore(":memory:", { durable: true });
  stack.defer(() => store.close());
  await ensureProject(store, "flytesnacks");
  const tokens = await openClusterTokens([{ name: "production", tokenFile }], { clock, log });
  const config = { org: "homeplane", domains: ["development"], version: "test" };
  const files = { certFile: join(dir, "server.crt"), keyFile: join(dir, "server.key") };
  const open = async (port: number) => {
    const controlPlane: ControlPlane = createControlPlane({ config, store, dataPlane: {} as never, clock, log });
    const registry = new TunnelRegistry({ clock, log });
    const door = controlPlane.door({ tokens, registry });
    const server = await listenTls({ host: "127.0.0.1", port, ...files, ...door, clock, log });
    const close = async (): Promise<void> => {
      controlPlane.stop();
      await server.close(100);
    };
    return { controlPlane, port: server.port, close };
  };
  const channel = (port: number, bearer: string) => {
    const opened = openGrpcChannel({
      url: `https://127.0.0.1:${port}`,
      peer: "the control plane",
      ca: async () => ca,
      headers: async () => ({ authorization: `Bearer ${bearer}` }),
      clock,
      random: () => 0.1,
    });
    stack.defer(async () => opened.close());
    return opened;
  };
  return { ca, open, channel, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("with the cluster's token both orchestration and the clients' services are served; the cluster is seen", async () => {
  await using door = await startDoor();
  const server = await door.open(0);
  const { transport } = door.channel(server.port, token);
  await createClient(OrchestrationService, transport).registerCluster({ cluster: "production", version: "1" });
  expect((await createClient(ProjectService, transport).listProjects({})).projects?.projects).toHaveLength(1);
  expect(server.controlPlane.clusters()).toMatchObject([{ name: "production", version: "1", connected: true }]);
  await server.close();
});

test("without it nothing is, by gRPC and by Connect alike, in words", async () => {
  await using door = await startDoor();
  const server = await door.open(0);
  const { transport } = door.channel(server.port, "another-token-of-the-right-length");
  for (const call of [
    createClient(OrchestrationService, transport).heartbeat({ cluster: "production" }),
    createClient(ProjectService, transport).listProjects({}),
  ]) {
    await expect(call).rejects.toMatchObject({
      code: Code.Unauthenticated,
      rawMessage: expect.stringContaining("knows no cluster by this token") as string,
    });
  }
  const watch = async (): Promise<void> => {
    for await (const _ of createClient(OrchestrationService, transport).watchOrders({})) expect.unreachable();
  };
  await expect(watch()).rejects.toMatchObject({ code: Code.Unauthenticated });
  expect(server.controlPlane.clusters()).toEqual([]);
  await server.close();
});

test("a cluster speaks for itself alone", async () => {
  await using door = await startDoor();
  const server = await door.open(0);
  const client = createClient(OrchestrationService, door.channel(server.port, token).transport);
  const watch = async (): Promise<void> => {
    for await (const _ of client.watchOrders({ cluster: "staging" })) expect.unreachable();
  };
  for (const call of [
    client.registerCluster({ cluster: "staging" }),
    client.heartbeat({ cluster: "staging" }),
    client.acknowledgeOrders({ cluster: "staging", results: [{ sequence: 1n }] }),
    watch(),
  ]) {
    await expect(call).rejects.toMatchObject({
      code: Code.PermissionDenied,
      rawMessage: expect.stringContaining('"staging" is not "production"') as string,
    });
  }
  await server.close();
});

test("the channel says UNAVAILABLE while nobody is there, ends its watches, and finds the next server by itself", async () => {
  await using door = await startDoor();
  const first = await door.open(0);
  const client = createClient(OrchestrationService, door.channel(first.port, token).transport);
  const watching = (async () => {
    for await (const _ of client.watchOrders({ cluster: "production" })) expect.unreachable();
  })().then(
    () => "ended",
    () => "failed",
  );
  await client.heartbeat({ cluster: "production" });
  await first.close();
  // Either is the sign to watch anew.
  expect(["ended", "failed"]).toContain(await watching);
  await expect(client.heartbeat({ cluster: "production" })).rejects.toMatchObject({
    code: Code.Unavailable,
    rawMessage: expect.stringMatching(/^the control plane at https:\/\/127.0.0.1:\d+ does not answer: /) as string,
  });
  const second = await door.open(first.port);
  await expect
    .poll(() => client.heartbeat({ cluster: "production" }).then(() => "answered", String), { timeout: 10_000 })
    .toBe("answered");
  await second.close();
});
