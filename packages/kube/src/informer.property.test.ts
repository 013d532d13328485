import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Informer } from "./informer.ts";
import { RESYNC_MS } from "./informer-options.ts";
import { type Fault, type FakeApiServer } from "./testing/fake-api-server.ts";
import { pod, startInformer } from "./testing/harness.ts";
import type { VirtualClock } from "./testing/virtual-clock.ts";
import type { Pod } from "./types/pod.ts";

type World = {
  server: FakeApiServer;
  clock: VirtualClock;
  informer: Informer<Pod>;
  views: Map<string, Pod>[];
  complaints: string[];
  strict: boolean;
};
type Step = { name: string; run: (world: World) => void | Promise<void> };

/** What a listener believes; it complains when a change does not follow from those before. */
function addView({ informer, views, complaints, strict }: World): void {
  const view = new Map<string, Pod>();
  const newest = new Map<string, number>();
  views.push(view);
  informer.onChange(({ type, key, object, previous }) => {
    const known = view.get(key);
    if ((type === "added") !== (known === undefined))
      complaints.push(`${type} of ${key}, known: ${known !== undefined}`);
    if (type !== "added" && previous !== known) complaints.push(`${type} of ${key} tells of another predecessor`);
    if (informer.get(key) !== (type === "deleted" ? undefined : object))
      complaints.push(`${key} is not in the store yet`);
    if (known !== undefined && type === "updated" && known.metadata.uid !== object.metadata.uid)
      complaints.push(`${key} was replaced unsaid`);
    const older = newest.get(key) ?? 0;
    const version = Number(object.metadata.resourceVersion);
    // A deletion found by a list is told with the object as it was known.
    if (strict && (version < older || (version === older && type !== "deleted")))
      complaints.push(`${key} went back: ${type}`);
    newest.set(key, version);
    if (type === "deleted") view.delete(key);
    else view.set(key, object);
  });
}

const key = fc.nat({ max: 11 }).map((n) => `pod-${n}`);
const step = (name: string, run: Step["run"]): Step => ({ name, run });
const faults: Fault[] = ["refused", "reset", "hang", 429, 500, 503, 410];

const ordinary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: key.map((k) => step(`put ${k}`, ({ server }) => server.put(pod(k)))) },
  { weight: 3, arbitrary: key.map((k) => step(`remove ${k}`, ({ server }) => server.remove(`ns/${k}`))) },
  {
    weight: 2,
    arbitrary: key.map((k) =>
      step(`replace ${k}`, ({ server }) => {
        server.remove(`ns/${k}`);
        server.put(pod(k, "Running"));
      }),
    ),
  },
  { weight: 4, arbitrary: fc.nat({ max: 400_000 }).map((ms) => step(`wait ${ms}`, ({ clock }) => clock.advance(ms))) },
  { weight: 4, arbitrary: fc.nat({ max: 4_000 }).map((ms) => step(`wait ${ms}`, ({ clock }) => clock.advance(ms))) },
  { weight: 3, arbitrary: fc.constant(step("breathe", ({ clock }) => clock.advance(0))) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(0, 100, 5_000, 20_000).map((ms) =>
      step(`latency ${ms}`, ({ server }) => {
        server.latencyMs = ms;
      }),
    ),
  },
  { weight: 1, arbitrary: fc.constant(step("listen", addView)) },
);
const faulty: fc.Arbitrary<Step> = fc.oneof(
  fc
    .constantFrom("end", "reset", "silent", "truncate")
    .map((how) => step(`streams ${how}`, ({ server }) => server.endStreams(how))),
  fc
    .array(fc.constantFrom(...faults), { minLength: 1, maxLength: 8 })
    .map((next) => step(`fail ${next.join()}`, ({ server }) => server.failNext(...next))),
  fc.constant(step("compact", ({ server }) => server.history.compact())),
  fc.constant(step("repeat", ({ server }) => server.repeatLast())),
  fc.integer({ min: 1, max: 3 }).map((n) => step(`lose ${n}`, ({ server }) => server.loseNext(n))),
);
const goBack = fc.integer({ min: 1, max: 6 }).map((n) =>
  step(`go back ${n}`, ({ server }) => {
    server.endStreams("reset");
    server.history.goBack(server.history.version - n);
  }),
);

async function converges(steps: readonly Step[], seed: number, strict: boolean): Promise<void> {
  await using harness = startInformer(seed, { resyncMs: seed % 2 === 0 ? 20_000 : RESYNC_MS }, (server) => {
    for (const name of ["pod-0", "pod-1", "ümlaut", "pod-2"]) server.put(pod(name));
  });
  const world: World = { ...harness, views: [], complaints: [], strict };
  const { server, clock, informer } = harness;
  addView(world);
  for (const { run } of steps) await run(world);
  server.latencyMs = 0;
  // Two relist periods at their longest, and what the last faults take.
  await clock.advance(30 * 60_000);
  const truth = Object.fromEntries(server.objects());
  expect(world.complaints).toEqual([]);
  expect(Object.fromEntries(informer.list().map((p) => [`ns/${p.metadata.name}`, p]))).toEqual(truth);
  for (const view of world.views) expect(Object.fromEntries(view)).toEqual(truth);
  expect(server.openStreams).toBe(1);
}

const steps = (...kinds: fc.Arbitrary<Step>[]): fc.Arbitrary<Step[]> =>
  fc.array(fc.oneof(...kinds), { maxLength: 40, size: "max" });

test("after any operations and faults the store, and what every listener was told, equal the server; nothing ever goes back", async () => {
  await fc.assert(
    fc.asyncProperty(steps(ordinary, ordinary, faulty), fc.nat(), (list, seed) => converges(list, seed, true)),
    { numRuns: 300 },
  );
});

test("a server that went back in time is followed", async () => {
  await fc.assert(
    fc.asyncProperty(steps(ordinary, ordinary, faulty, goBack), fc.nat(), (list, seed) => converges(list, seed, false)),
    { numRuns: 200 },
  );
});
