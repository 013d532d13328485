import {
  configMaps,
  httpTransport,
  isAlreadyExists,
  isConflict,
  isExpired,
  isNotFound,
  KubeClient,
  loadKubeconfig,
  type Transport,
  tokenReviews,
} from "@homeplane/kube";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EmbeddedKube } from "./embedded-kube.ts";
import { temporaryKube } from "./testing/temporary.ts";

let kube: EmbeddedKube & AsyncDisposable;
beforeAll(async () => {
  kube = await temporaryKube();
});
afterAll(() => kube[Symbol.asyncDispose]());

const transports: [string, () => Promise<Transport>][] = [
  ["in process", async () => kube.transport],
  ["over TLS", async () => httpTransport(await loadKubeconfig(kube.kubeconfigPath))],
];

describe.each(transports)("our own client %s", (label, open) => {
  let client: KubeClient;
  let transport: Transport;
  beforeAll(async () => {
    transport = await open();
    client = new KubeClient({ transport, log: silentLogger, clock: systemClock, random: Math.random });
  });
  afterAll(() => (label === "over TLS" ? transport.close() : undefined));

  const name = `map-${label.replace(" ", "-").toLowerCase()}`;
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data: { a: "1" } };

  test("creates, reads, conflicts, watches and deletes", async () => {
    const made = await client.create(configMaps, map);
    await expect(client.create(configMaps, map)).rejects.toSatisfy(isAlreadyExists);
    const listed = await client.list(configMaps, { namespace: "default" });
    const stop = new AbortController();
    const options = { namespace: "default", resourceVersion: listed.resourceVersion, signal: stop.signal };
    const events = await client.openWatch(configMaps, { ...options, fieldSelector: `metadata.name=${name}` });
    const updated = await client.update(configMaps, { ...made, data: { a: "2" } });
    expect((await events.next()).value).toMatchObject({ type: "MODIFIED", object: { data: { a: "2" } } });
    await expect(client.update(configMaps, { ...made, data: { a: "3" } })).rejects.toSatisfy(isConflict);
    await client.delete(configMaps, { name, namespace: "default" });
    const last = await events.next();
    expect(last.value).toMatchObject({ type: "DELETED", object: { metadata: { uid: updated.metadata.uid } } });
    stop.abort();
    await expect(client.get(configMaps, { name, namespace: "default" })).rejects.toSatisfy(isNotFound);
  });

  test("asks for an account's token and has it reviewed", async () => {
    const audiences = ["homeplane"];
    const { token, expirationTimestamp } = await client.createToken(
      { namespace: "default", name: "default" },
      { audiences, expirationSeconds: 600 },
    );
    expect(Date.parse(expirationTimestamp)).toBeGreaterThan(Date.now() + 590_000);
    const question = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", metadata: { name: "" } };
    const { status } = await client.create(tokenReviews, { ...question, spec: { token, audiences: [...audiences] } });
    expect(status).toMatchObject({ authenticated: true, user: { username: "system:serviceaccount:default:default" } });
  });

  test("is told to list again when its resourceVersion comes from another store", async () => {
    const options = { namespace: "default", resourceVersion: "999999", signal: AbortSignal.timeout(5000) };
    const watching = client.openWatch(configMaps, options).then((events) => events.next());
    await expect(watching).rejects.toSatisfy(isExpired);
  });
});
