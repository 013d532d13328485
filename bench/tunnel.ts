/**
 * The tunnel on loopback, TLS on both hops: control plane, tunnel-service and a component in one process, so the throughput is that of all of them
 * together on one core. Budget: a dead peer found in 3 s; a stalled stream slows others at most 1.1 times.
 */
import { performance } from "node:perf_hooks";
import { startLine, startPair } from "../test/tunnel/pair.ts";
import { figure, print } from "./measure.ts";

const objectBytes = 8 << 20;
const objects = 40;
const atOnce = 8;
const smallCalls = 500;

async function inParallel(count: number, workers: number, work: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const begun = performance.now();
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: workers }, worker));
  return performance.now() - begun;
}

async function throughput() {
  await using pair = await startPair();
  pair.dial();
  await pair.up(4);
  pair.objects.set("large", Buffer.alloc(objectBytes, 1));
  const read = () => pair.client.getObject({ nativeUrl: "large" });
  await inParallel(8, atOnce, read);
  const cpu = process.cpuUsage();
  const ms = await inParallel(objects, atOnce, read);
  const { user, system } = process.cpuUsage(cpu);
  const megabytes = (objects * objectBytes) / 1e6;
  return [
    figure("throughput", "MB/s", [(megabytes / ms) * 1_000]),
    figure("throughput by CPU time", "MB/s of CPU", [(megabytes / (user + system)) * 1e6]),
  ];
}

async function latency() {
  await using pair = await startPair({ connections: 1 });
  pair.dial();
  await pair.up(1);
  pair.objects.set("small", Buffer.alloc(10_000));
  const read = () => pair.client.getObject({ nativeUrl: "small" });
  await inParallel(200, 1, read);
  const alone = (await inParallel(smallCalls, 1, read)) / smallCalls;
  const stop = new AbortController();
  const readers = Array.from({ length: 10 }, () =>
    pair.logs.tailLogs({ attempt: 10_000 }, { signal: stop.signal })[Symbol.asyncIterator](),
  );
  await Promise.all(readers.map((reader) => reader.next()));
  for (let before = -1; before !== pair.served.messages; ) {
    before = pair.served.messages;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const beside = (await inParallel(smallCalls, 1, read)) / smallCalls;
  stop.abort();
  return [figure("call of 10 kB", "ms", [alone]), figure("the same beside 10 stalled streams", "ms", [beside])];
}

async function deadPeer() {
  let line: Awaited<ReturnType<typeof startLine>> | undefined;
  await using pair = await startPair({
    via: async (port) => {
      line = await startLine(port);
      return line.port;
    },
  });
  pair.dial();
  await pair.up(4);
  const before = line?.links.size ?? 0;
  line?.silence();
  const begun = performance.now();
  while ((line?.links.size ?? 0) < before * 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const found = performance.now() - begun;
  await pair.up(4);
  await line?.close();
  return [figure("dead peer found and dialled anew", "ms", [found])];
}

print([...(await throughput()), ...(await latency()), ...(await deadPeer())]);
process.exit();
