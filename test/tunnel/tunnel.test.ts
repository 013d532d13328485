import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { startPair, until } from "./pair.ts";

const url = "s3://bucket/key";

test("calls go through: bytes, errors with their words, and what is not served", async () => {
  await using pair = await startPair();
  pair.dial();
  await pair.up(4);
  const content = crypto.getRandomValues(new Uint8Array(60_000));
  await pair.client.putObject({ nativeUrl: url, content });
  const { content: back } = await pair.client.getObject({ nativeUrl: url });
  expect(Buffer.from(back).equals(content)).toBe(true);
  await expect(pair.client.getObject({ nativeUrl: "s3://bucket/other" })).rejects.toMatchObject({
    code: Code.NotFound,
    rawMessage: "no object at s3://bucket/other – none",
  });
  await expect(pair.images.checkBuild({})).rejects.toMatchObject({
    code: Code.Unimplemented,
    rawMessage: "images are not built here",
  });
  await expect(pair.materialiser.materialise({})).rejects.toMatchObject({ code: Code.Unimplemented });
});

test("an object of 20 MiB goes through in both directions, and others beside it", async () => {
  await using pair = await startPair({ connections: 1 });
  pair.dial();
  await pair.up(1);
  const content = Buffer.alloc(20 << 20, "homeplane");
  const all = await Promise.all(
    Array.from({ length: 3 }, async (_, index) => {
      await pair.client.putObject({ nativeUrl: `${url}${index}`, content });
      return (await pair.client.getObject({ nativeUrl: `${url}${index}` })).content;
    }),
  );
  for (const back of all) expect(content.equals(back)).toBe(true);
});

test("without a tunnel a call ends soon, UNAVAILABLE, and says what is the matter", async () => {
  await using pair = await startPair({ waitMs: 100 });
  const begun = Date.now();
  await expect(pair.client.getObject({ nativeUrl: url })).rejects.toMatchObject({
    code: Code.Unavailable,
    rawMessage: expect.stringContaining('the data plane "production" is not connected') as string,
  });
  expect(Date.now() - begun).toBeLessThan(1_500);
});

test("a call that comes while the tunnel comes up waits for it", async () => {
  await using pair = await startPair({ waitMs: 10_000 });
  pair.objects.set(url, Buffer.from("here"));
  const answer = pair.client.getObject({ nativeUrl: url });
  pair.dial();
  expect(Buffer.from((await answer).content).toString()).toBe("here");
});

test("a caller's deadline ends the call, and the component is told", async () => {
  await using pair = await startPair();
  pair.dial();
  await pair.up(4);
  const tail = async (): Promise<void> => {
    for await (const _ of pair.logs.tailLogs({ attempt: 0 }, { timeoutMs: 100 })) expect.unreachable();
  };
  await expect(tail()).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  await until(() => pair.served.aborted === 1);
});

test("a caller that leaves a stream ends it at the component", async () => {
  await using pair = await startPair();
  pair.dial();
  await pair.up(4);
  const left = new AbortController();
  await expect(async () => {
    for await (const _ of pair.logs.tailLogs({ attempt: 1_000_000 }, { signal: left.signal })) left.abort();
  }).rejects.toMatchObject({ code: Code.Canceled });
  await until(() => pair.served.aborted === 1);
});

test("a component that is away is named, and reached again when it is back", async () => {
  await using pair = await startPair();
  const stack = pair.serviceOptions.services;
  const [name] = stack.keys();
  const nowhere = { ca: async () => pair.ca, url: "https://127.0.0.1:1" };
  const dialled = pair.dial({ services: new Map([[name ?? "", nowhere]]) });
  await pair.up(4);
  await expect(pair.client.getObject({ nativeUrl: url })).rejects.toMatchObject({
    code: Code.Unavailable,
    rawMessage: expect.stringMatching(
      /ObjectStoreService of the data plane can not be reached: .*ECONNREFUSED/,
    ) as string,
  });
  await dialled.stop();
  pair.dial();
  pair.objects.set(url, Buffer.from("x"));
  await pair.client.getObject({ nativeUrl: url });
});

test("a component that refuses our identity is no success", async () => {
  await using pair = await startPair();
  const [upstream] = pair.serviceOptions.services.values();
  if (upstream === undefined) throw new Error("no component");
  const services = new Map([["homeplane.v1.ObjectStoreService", { ...upstream, token: async () => "wrong" }]]);
  pair.dial({ services });
  await expect(pair.client.getObject({ nativeUrl: url })).rejects.toMatchObject({ code: Code.Unauthenticated });
});

test("a slow reader holds up nobody on its connection", async () => {
  await using pair = await startPair({ connections: 1 });
  pair.dial();
  await pair.up(1);
  pair.objects.set(url, Buffer.alloc(100_000));
  const time = async (): Promise<number> => {
    const begun = performance.now();
    for (let call = 0; call < 50; call++) await pair.client.getObject({ nativeUrl: url });
    return performance.now() - begun;
  };
  await time();
  const alone = await time();
  const stop = new AbortController();
  // 20 streams of 640 MB each, of which only the first message is read.
  const stalled = Array.from({ length: 20 }, () => pair.logs.tailLogs({ attempt: 10_000 }, { signal: stop.signal }));
  const readers = stalled.map((messages) => messages[Symbol.asyncIterator]());
  await Promise.all(readers.map((reader) => reader.next()));
  // Until all windows are full.
  for (let before = -1; before !== pair.served.messages; ) {
    before = pair.served.messages;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  const beside = await time();
  stop.abort();
  // Generous for a busy machine; a shared window would stop them for ever.
  expect(beside).toBeLessThan(alone * 5 + 1_000);
});
