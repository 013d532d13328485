import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { apiMethods } from "./api-table.ts";
import { type Harness, startHarness } from "./testing/harness.ts";

let h: Harness;
beforeAll(async () => {
  h = await startHarness();
});
afterAll(() => h[Symbol.asyncDispose]());

test("every method of every service answers, or says UNIMPLEMENTED and why; none is UNKNOWN or INTERNAL", async () => {
  const transport = createConnectTransport({ baseUrl: h.baseUrl, httpVersion: "1.1" });
  for (const { service, localName, refused } of apiMethods()) {
    const method = service.methods.find((one) => one.localName === localName);
    if (method === undefined) throw new Error(localName);
    const client = createClient(service, transport) as unknown as Record<
      string,
      (request: unknown, options: { timeoutMs: number }) => Promise<unknown> | AsyncIterable<unknown>
    >;
    let error: unknown;
    try {
      const answer = client[localName]?.(create(method.input), { timeoutMs: 300 });
      if (method.methodKind === "unary") await answer;
      else await (answer as AsyncIterable<unknown>)[Symbol.asyncIterator]().next();
    } catch (caught) {
      error = caught;
    }
    const code = error instanceof ConnectError ? error.code : undefined;
    const name = `${service.typeName}.${localName}`;
    expect([name, code === Code.Unimplemented]).toEqual([
      name,
      refused !== undefined || localName === "getOAuth2Metadata" || localName === "getPublicClientConfig",
    ]);
    expect([Code.Unknown, Code.Internal], name).not.toContain(code);
  }
});

test("what the SDK calls is answered or refused with a reason of its own", () => {
  const calls = apiMethods().filter(({ calledBySdk }) => calledBySdk);
  expect(calls.length).toBeGreaterThan(50);
  for (const { name, refused } of calls) expect(refused, name).not.toBe("the SDK does not call it");
});
