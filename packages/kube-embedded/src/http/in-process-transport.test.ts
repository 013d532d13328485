import { expect, test } from "vitest";
import { KubeFixture } from "../testing/kube-fixture.ts";
import { inProcessTransport } from "./in-process-transport.ts";

const decoder = new TextDecoder();

test("a reader that stops early ends the watch behind it", async () => {
  await using kube = new KubeFixture();
  const transport = inProcessTransport(kube.server);
  const path = "/api/v1/namespaces?watch=1";
  const { body } = await transport.request({ method: "GET", path, headers: { Accept: "application/json" } });
  for await (const chunk of body) {
    expect(decoder.decode(chunk)).toContain('"ADDED"');
    break;
  }
  await transport.close();
  await expect(transport.request({ method: "GET", path, headers: {} })).rejects.toThrow("closed");
});

test("an aborted watch rejects like a cut connection", async () => {
  await using kube = new KubeFixture();
  const stop = new AbortController();
  const { body } = await inProcessTransport(kube.server).request({
    method: "GET",
    path: "/api/v1/pods?watch=1",
    headers: {},
    signal: stop.signal,
  });
  const next = body[Symbol.asyncIterator]().next();
  stop.abort(new Error("enough"));
  await expect(next).rejects.toThrow("enough");
});
