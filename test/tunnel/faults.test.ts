import { Code } from "@connectrpc/connect";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cluster, startLine, startPair, until } from "./pair.ts";

const url = "s3://bucket/key";

async function startOverLine(options: Parameters<typeof startPair>[0] = {}) {
  let line: Awaited<ReturnType<typeof startLine>> | undefined;
  const pair = await startPair({
    ...options,
    via: async (port) => {
      line = await startLine(port);
      return line.port;
    },
  });
  if (line === undefined) throw new Error("no line");
  const { close, ...rest } = line;
  return {
    ...pair,
    line: rest,
    [Symbol.asyncDispose]: async () => {
      await pair[Symbol.asyncDispose]();
      await close();
    },
  };
}

test("one of four connections dies under load: no call fails", async () => {
  await using pair = await startOverLine();
  pair.dial();
  await pair.up(4);
  const running = new AbortController();
  let done = 0;
  const worker = async (id: number): Promise<void> => {
    for (let round = 0; !running.signal.aborted; round++) {
      const content = Buffer.alloc(20_000, id + round);
      await pair.client.putObject({ nativeUrl: `${url}${id}`, content });
      const { content: back } = await pair.client.getObject({ nativeUrl: `${url}${id}` });
      expect(content.equals(back)).toBe(true);
      done += 2;
    }
  };
  const workers = Promise.all(Array.from({ length: 16 }, (_, id) => worker(id)));
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    pair.line.cut(1);
  }
  const before = done;
  await until(() => done > before + 100);
  running.abort();
  await workers;
  await pair.up(4);
});

test("all connections are cut again and again: no call that may be repeated fails", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 120 }), { minLength: 1, maxLength: 4 }), async (pauses) => {
      await using pair = await startOverLine({ waitMs: 10_000 });
      pair.dial({ random: () => 0.1 });
      await pair.up(4);
      const running = new AbortController();
      const workers = Promise.all(
        Array.from({ length: 8 }, async (_, id) => {
          const content = Buffer.alloc(50_000, id);
          while (!running.signal.aborted) {
            await pair.client.putObject({ nativeUrl: `${url}${id}`, content });
            expect(content.equals((await pair.client.getObject({ nativeUrl: `${url}${id}` })).content)).toBe(true);
          }
        }),
      );
      for (const ms of pauses) {
        await new Promise((resolve) => setTimeout(resolve, ms));
        pair.line.cut();
      }
      running.abort();
      await workers;
    }),
    { numRuns: 8 },
  );
});

test("a call that may not be repeated fails UNAVAILABLE when its connection dies, and was made once", async () => {
  await using pair = await startOverLine();
  pair.dial();
  await pair.up(4);
  let cut = false;
  pair.hooks.onPut = async () => {
    cut = true;
    pair.line.cut();
    await new Promise((resolve) => setTimeout(resolve, 200));
  };
  await expect(pair.secrets.createSecret({ id: { name: "key" } })).rejects.toMatchObject({
    code: Code.Unavailable,
    rawMessage: expect.stringContaining("broke during the call") as string,
  });
  expect(cut).toBe(true);
  expect(pair.served.created).toBe(1);
});

test("a stream whose connection dies ends with UNAVAILABLE, never as if it was whole", async () => {
  await using pair = await startOverLine({ connections: 1 });
  pair.dial();
  await pair.up(1);
  let read = 0;
  const tail = async (): Promise<void> => {
    for await (const _ of pair.logs.tailLogs({ attempt: 100_000 })) if (++read === 50) pair.line.cut();
  };
  await expect(tail()).rejects.toMatchObject({ code: Code.Unavailable });
  expect(read).toBeGreaterThanOrEqual(50);
});

test("a component that dies in mid-answer is an error, never a short answer", async () => {
  await using pair = await startOverLine({ connections: 1 });
  pair.dial();
  await pair.up(1);
  const tail = async (): Promise<void> => {
    let read = 0;
    for await (const _ of pair.logs.tailLogs({ attempt: 100_000 })) if (++read === 20) void pair.component.close(0);
  };
  await expect(tail()).rejects.toMatchObject({ code: Code.Unavailable });
});

test("a peer that is gone without a word is found dead by both ends, and calls go on elsewhere", async () => {
  await using pair = await startOverLine({ pingMs: 100, deadMs: 500 });
  const dialled = pair.dial();
  await pair.up(4);
  pair.objects.set(url, Buffer.from("x"));
  pair.line.silence(2);
  const begun = performance.now();
  // Each of the four gets some of these; those of the silent two are made again.
  await Promise.all(Array.from({ length: 40 }, () => pair.client.getObject({ nativeUrl: url })));
  expect(performance.now() - begun).toBeLessThan(5_000);
  // Dialled anew in the place of the silent two, which the line itself never ends.
  await until(() => pair.line.links.size === 6);
  await pair.up(4);
  expect(dialled.service.state()).toMatchObject({ up: 4 });
});

test("the dialling end waits with backoff while nobody answers, says why, and comes back", async () => {
  await using pair = await startOverLine();
  pair.line.refuse(true);
  const delays: number[] = [];
  const { log } = pair.serviceOptions;
  const note = (entry: object): void => void ("delay" in entry && delays.push(entry.delay as number));
  let told = 0;
  const warn = (entry: object): void => (told++, note(entry));
  const noted = Object.assign(Object.create(log), { warn, debug: note });
  const dialled = pair.dial({ connections: 1, random: () => 0.2, log: noted });
  await until(() => delays.length === 4);
  expect(told, "an outage is told once, not at each try").toBe(1);
  expect(delays).toEqual([50, 100, 200, 400]);
  expect(dialled.service.state()).toMatchObject({ up: 0, wanted: 1, problem: expect.stringContaining("127.0.0.1") });
  pair.line.refuse(false);
  await pair.up(1);
  expect(dialled.service.state()).toEqual({ up: 1, wanted: 1 });
});

test("a stop drains: calls under way end, new ones go to the next process, none fails", async () => {
  await using pair = await startPair({ waitMs: 10_000, drainMs: 10_000 });
  const first = pair.dial();
  await pair.up(4);
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  pair.hooks.onPut = (path) => (path === "slow" ? gate : undefined);
  const slow = pair.client.putObject({ nativeUrl: "slow", content: Buffer.from("slow") });
  await until(() => pair.served.calls === 1);
  const running = new AbortController();
  const workers = Promise.all(
    Array.from({ length: 8 }, async (_, id) => {
      while (!running.signal.aborted) await pair.client.putObject({ nativeUrl: `${id}`, content: Buffer.alloc(1_000) });
    }),
  );
  pair.dial();
  await pair.up(8);
  const stopped = first.stop();
  await until(() => pair.registry.connections(cluster) === 4);
  expect(first.service.state().up).toBeGreaterThan(0);
  open();
  await slow;
  await stopped;
  running.abort();
  await workers;
});

test("a drain has an end", async () => {
  await using pair = await startPair({ drainMs: 300 });
  const dialled = pair.dial();
  await pair.up(4);
  const tail = async (): Promise<void> => {
    for await (const _ of pair.logs.tailLogs({ attempt: 0 })) expect.unreachable();
  };
  const tailing = expect(tail()).rejects.toMatchObject({ code: Code.Unavailable });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const begun = performance.now();
  await dialled.stop();
  expect(performance.now() - begun).toBeLessThan(2_000);
  await tailing;
});

test("the control plane stops and starts again on the same port: the tunnel is up again by itself", async () => {
  await using pair = await startOverLine({ waitMs: 10_000 });
  const dialled = pair.dial();
  await pair.up(4);
  await pair.registry.close(100);
  await until(() => dialled.service.state().up === 4);
  await pair.client.putObject({ nativeUrl: url, content: Buffer.from("x") });
});
