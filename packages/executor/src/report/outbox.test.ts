import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import type { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import { InternalRunService, RecordActionRequestSchema } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import {
  type ActionEvent,
  ActionEventSchema,
  ActionStatusSchema,
} from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { type Clock, silentLogger } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { runId } from "../testing/samples.ts";
import type { ActionReport } from "./action-report.ts";
import { Outbox } from "./outbox.ts";

/** Delays of the outbox end when the test says so; the deadlines of calls are the transport's. */
class HandClock implements Clock {
  readonly delays: number[] = [];
  #runs: (() => void)[] = [];
  now(): number {
    return 0;
  }
  after(ms: number, run: () => void): () => void {
    this.delays.push(ms);
    this.#runs.push(run);
    return () => undefined;
  }
  fire(): void {
    const runs = this.#runs;
    this.#runs = [];
    for (const run of runs) run();
  }
}

function outboxWorld(refuse: (event: ActionEvent) => Code | undefined = () => undefined) {
  const clock = new HandClock();
  const state = { away: false, calls: 0 };
  const batches: ActionEvent[][] = [];
  const ends: string[] = [];
  const acknowledged: string[] = [];
  const transport = createRouterTransport(({ service }) => {
    const answer = () => {
      state.calls++;
      if (state.away) throw new ConnectError("away", Code.Unavailable);
    };
    service(EventsProxyService, {
      record({ events }) {
        answer();
        const code = events.map(refuse).find((one) => one !== undefined);
        if (code !== undefined) throw new ConnectError("refused", code);
        batches.push(events);
        return {};
      },
    });
    service(InternalRunService, {
      recordAction() {
        answer();
        return {};
      },
      updateActionStatus({ actionId }) {
        answer();
        ends.push(actionId?.name ?? "");
        return {};
      },
    });
  });
  const outbox = new Outbox({
    events: createClient(EventsProxyService, transport),
    runs: createClient(InternalRunService, transport),
    loadSpec: async () => create(RecordActionRequestSchema),
    onAcknowledged: (key) => acknowledged.push(key),
    clock,
    random: () => 0.999,
    log: silentLogger,
  });
  const stop = new AbortController();
  const running = outbox.run(stop.signal);
  return {
    ...{ outbox, clock, state, batches, ends, acknowledged },
    told: () => batches.flat().map(({ id, phase, version }) => `${id?.name} ${phase} ${version}`),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

function report(
  name: string,
  phases: readonly ActionPhase[],
  more: { ended?: boolean; message?: string } = {},
): ActionReport {
  const events = phases.map((phase) =>
    create(ActionEventSchema, {
      id: runId("r", name),
      attempt: 1,
      phase,
      clusterEvents: more.message === undefined ? [] : [{ message: more.message }],
    }),
  );
  const end = more.ended === true ? { end: { status: create(ActionStatusSchema, { phase: 5 }), abortReason: "" } } : {};
  return { key: `n/${name}`, uid: name, id: runId("r", name), isRoot: name.startsWith("root"), events, ...end };
}

async function turns(count = 60): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("events are told in batches of at most 400, whole actions together, all of them once", async () => {
  await using it = outboxWorld();
  for (let n = 0; n < 250; n++) it.outbox.submit(report(`root${n}`, [1, 2, 3, 4, 5], { ended: true }));
  await turns();
  expect(it.batches.flat()).toHaveLength(1250);
  expect(Math.max(...it.batches.map((batch) => batch.length))).toBe(400);
  for (const batch of it.batches) expect(batch.length % 5).toBe(0);
  expect(it.ends).toHaveLength(250);
  expect(it.acknowledged).toHaveLength(250);
  it.outbox.submit(report("root1", [1, 2, 3, 4, 5], { ended: true }));
  await turns();
  expect(it.batches.flat(), "what was acknowledged is not told again").toHaveLength(1250);
});

test("an event that is refused for good fails alone, and its action still ends", async () => {
  await using it = outboxWorld(({ id }) => (id?.name === "root3" ? Code.InvalidArgument : undefined));
  for (let n = 0; n < 10; n++) it.outbox.submit(report(`root${n}`, [1, 5], { ended: true }));
  await turns();
  expect(it.batches.flat()).toHaveLength(18);
  expect(it.acknowledged).toHaveLength(10);
  expect(it.clock.delays).toEqual([]);
});

test("an event that the receiver fails on is kept and tried again, and holds up no other", async () => {
  let broken = true;
  await using it = outboxWorld(({ id }) =>
    broken && id?.name?.startsWith("rootbad") === true ? Code.Internal : undefined,
  );
  for (let n = 0; n < 120; n++) it.outbox.submit(report(`rootbad${n}`, [1, 5], { ended: true }));
  for (let n = 0; n < 50; n++) it.outbox.submit(report(`root${n}`, [1, 5], { ended: true }));
  for (let n = 0; n < 4; n++) {
    await turns(400);
    it.clock.fire();
  }
  expect(it.ends.toSorted()).toEqual(Array.from({ length: 50 }, (_, n) => `root${n}`).toSorted());
  broken = false;
  for (let n = 0; n < 4; n++) {
    it.clock.fire();
    await turns(400);
  }
  expect(new Set(it.acknowledged).size).toBe(170);
});

test("while the control plane is away it is tried with growing delays, and only the latest of each action is kept", async () => {
  await using it = outboxWorld();
  it.state.away = true;
  for (let n = 0; n < 9; n++) {
    it.outbox.submit(report("root", [1, 2], { message: `try ${n}` }));
    await turns();
    expect(it.clock.delays).toHaveLength(n + 1);
    it.clock.fire();
  }
  await turns();
  expect(it.clock.delays.slice(0, 9)).toEqual([249, 499, 999, 1998, 3996, 7992, 14985, 14985, 14985]);
  it.state.away = false;
  it.clock.fire();
  await turns();
  expect(it.told()).toEqual(["root 1 0", "root 2 0"]);
  expect(it.batches[0]?.[1]?.clusterEvents[0]?.message).toBe("try 8");
});

test("a report that comes while an older one is on its way is told after it", async () => {
  await using it = outboxWorld();
  it.outbox.submit(report("root", [1]));
  it.outbox.submit(report("root", [1, 3]));
  await turns(2);
  it.outbox.submit(report("root", [1, 3, 4, 5], { ended: true }));
  await turns();
  expect(it.told()).toEqual(["root 1 0", "root 3 0", "root 4 0", "root 5 0"]);
  expect(it.outbox.isAcknowledged("root")).toBe(true);
  it.outbox.forget("root");
  expect(it.outbox.isAcknowledged("root")).toBe(false);
});
