import { create, fromBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { FixedRateUnit, InputsSchema, TriggerAutomationSpecType } from "@homeplane/idl/flyteidl2/task/common";
import { SimpleType } from "@homeplane/idl/flyteidl2/core/types";
import { type TaskSpec, TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { RunSource } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import * as fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { domain, type Harness, inProject, org, project, startHarness } from "../testing/harness.ts";
import { settle, VirtualClock } from "../testing/virtual-clock.ts";

const minute = 60_000;
const begin = Date.parse("2030-01-01T00:00:30Z");
const taskId = { org, project, domain, name: "env.daily", version: "v1" };
const nameOf = (name: string) => ({ org, project, domain, taskName: taskId.name, name });

function taskWithInputs(): TaskSpec {
  const variable = (key: string, simple: SimpleType) => ({
    key,
    value: { type: { type: { case: "simple" as const, value: simple } } },
  });
  const variables = [variable("at", SimpleType.DATETIME), variable("x", SimpleType.INTEGER)];
  return create(TaskSpecSchema, {
    shortName: "daily",
    taskTemplate: {
      id: taskId,
      type: "python",
      target: { case: "container", value: { image: "python:3.11" } },
      interface: { inputs: { variables } },
    },
  });
}

const every = (minutes: number, kickoffTimeInputArg = "") => ({
  type: TriggerAutomationSpecType.TYPE_SCHEDULE,
  automation: {
    case: "schedule" as const,
    value: {
      kickoffTimeInputArg,
      expression: { case: "rate" as const, value: { value: minutes, unit: FixedRateUnit.MINUTE } },
    },
  },
});

class World {
  readonly clock = new VirtualClock(begin);
  readonly h: Harness;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(h: Harness, clock: VirtualClock) {
    this.h = h;
    this.clock = clock;
  }

  static async start(): Promise<World> {
    const clock = new VirtualClock(begin);
    const world = new World(await startHarness({ clock }), clock);
    await world.h.tasks.deployTask({ taskId, spec: taskWithInputs() });
    world.up();
    return world;
  }

  up(): void {
    this.#stop = new AbortController();
    this.#running = this.h.controlPlane.scheduler.run(this.#stop.signal);
  }

  async down(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  deploy(name: string, automationSpec: ReturnType<typeof every>, active = true) {
    return this.h.triggers.deployTrigger({ name: nameOf(name), automationSpec, spec: { active, taskVersion: "v1" } });
  }

  activate(name: string, active: boolean) {
    return this.h.triggers.updateTriggers({ names: [nameOf(name)], active });
  }

  /** When the runs of a trigger were due, in minutes since the beginning, in the order in which they were made. */
  async fired(name: string): Promise<number[]> {
    const scopeBy = { case: "triggerName" as const, value: nameOf(name) };
    const times: number[] = [];
    let token = "";
    do {
      const page = await this.h.runs.listRuns({ scopeBy, request: { limit: 100, token } });
      for (const run of page.runs) {
        const id = run.action?.id?.run;
        const { details } = await this.h.runs.getRunDetails({ ...(id ? { runId: id } : {}) });
        const at = details?.runSpec?.runStartTime;
        times.push(((at === undefined ? 0 : timestampMs(at)) - begin) / minute);
      }
      token = page.token;
    } while (token !== "");
    return times.toReversed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    await this.h[Symbol.asyncDispose]();
  }
}

let world: World | undefined;
afterEach(async () => {
  await world?.[Symbol.asyncDispose]();
  world = undefined;
});

test("an active schedule makes one run at each of its times, a paused one none", async () => {
  world = await World.start();
  await world.deploy("active", every(2));
  await world.deploy("paused", every(1), false);
  await world.clock.advance(7 * minute);
  expect(await world.fired("active")).toEqual([2, 4, 6]);
  expect(await world.fired("paused")).toEqual([]);
});

test("the run carries its trigger, its time and its inputs, the time among them", async () => {
  world = await World.start();
  const { h, clock } = world;
  const literals = [{ name: "x", value: { hash: "seven" } }];
  await h.triggers.deployTrigger({
    name: nameOf("t"),
    automationSpec: every(1, "at"),
    spec: {
      active: true,
      taskVersion: "v1",
      inputWrapper: { case: "inputs", value: { literals, context: [{ key: "team", value: "a" }] } },
      runSpec: { labels: { values: { made: "by-t" } }, overwriteCache: true },
    },
  });
  await clock.advance(minute);
  const { runs } = await h.runs.listRuns({ scopeBy: inProject });
  const [run] = runs;
  expect(run?.labels).toEqual({ made: "by-t" });
  expect(run?.action?.metadata).toMatchObject({
    source: RunSource.SCHEDULE_TRIGGER,
    triggerName: "t",
    triggerId: { name: nameOf("t"), revision: 1n },
    triggerType: { automation: { case: "schedule" } },
  });
  const runId = run?.action?.id?.run;
  const { details } = await h.runs.getRunDetails({ ...(runId ? { runId } : {}) });
  expect(details?.runSpec).toMatchObject({ overwriteCache: true, runStartTime: timestampFromMs(begin + minute) });
  const file = h.objects.get(`s3://bucket-1/${org}/${project}/${domain}/${runId?.name}/inputs/inputs.pb`);
  const inputs = fromBinary(InputsSchema, file ?? new Uint8Array());
  expect(inputs.context).toMatchObject([{ key: "team", value: "a" }]);
  expect(inputs.literals.map(({ name }) => name)).toEqual(["x", "at"]);
  expect(
    JSON.stringify(inputs.literals[1]?.value?.value.value, (_, v: unknown) => (typeof v === "bigint" ? Number(v) : v)),
  ).toContain(String((begin + minute) / 1_000));
  // A trigger keeps no values: they lie in the object store.
  const { trigger } = await h.triggers.getTriggerDetails({ name: nameOf("t") });
  expect(trigger?.spec?.inputWrapper.case).toBe("offloadedInputData");
});

test("pausing takes effect at once, also when the trigger was just about to fire", async () => {
  world = await World.start();
  const { h, clock } = world;
  await world.deploy("t", every(1));
  const { triggers } = h.store;
  const due = triggers.due.bind(triggers);
  triggers.due = async (...args) => {
    const rows = await due(...args);
    if (rows.length > 0) await h.triggers.updateTriggers({ names: [nameOf("t")], active: false });
    return rows;
  };
  await clock.advance(3 * minute);
  expect(await world.fired("t")).toEqual([]);
});

test("what passed while it was paused is not made up; what passed while nothing ran is", async () => {
  world = await World.start();
  const { clock } = world;
  await world.deploy("t", every(1));
  await clock.advance(2 * minute);
  await world.activate("t", false);
  await clock.advance(5 * minute);
  await world.activate("t", true);
  await clock.advance(minute);
  expect(await world.fired("t")).toEqual([1, 2, 8]);
  await world.down();
  await clock.set(begin + 11.5 * minute);
  world.up();
  await settle();
  expect(await world.fired("t")).toEqual([1, 2, 8, 9, 10, 11]);
});

test("after a long time the latest ten are made up, oldest first", async () => {
  world = await World.start();
  await world.deploy("t", every(1));
  await world.down();
  await world.clock.set(begin + 100_000 * minute);
  world.up();
  await settle();
  expect(await world.fired("t")).toEqual(Array.from({ length: 10 }, (_, n) => 99_991 + n));
  await world.clock.advance(minute);
  expect((await world.fired("t")).at(-1)).toBe(100_001);
});

test("a clock that is set back fires nothing again", async () => {
  world = await World.start();
  await world.deploy("t", every(1));
  await world.clock.advance(3 * minute);
  await world.clock.set(begin + 0.5 * minute);
  await world.clock.advance(4 * minute);
  expect(await world.fired("t")).toEqual([1, 2, 3, 4]);
});

test("a failure in between, before or after the run was stored, neither loses nor doubles it", async () => {
  world = await World.start();
  const { h, clock } = world;
  await world.deploy("t", every(1));
  const { runs } = h.store;
  const createRun = runs.create.bind(runs);
  const faults: ("before" | "after")[] = ["before", "after", "before"];
  runs.create = async (...args) => {
    const fault = faults.shift();
    if (fault === "before") throw new Error("killed before");
    const made = await createRun(...args);
    if (fault === "after") throw new Error("killed after");
    return made;
  };
  await clock.advance(4.5 * minute);
  expect(await world.fired("t")).toEqual([1, 2, 3, 4]);
  expect(faults).toEqual([]);
});

test("two schedulers on one store make one run of each time", async () => {
  world = await World.start();
  const second = new AbortController();
  const running = world.h.controlPlane.scheduler.run(second.signal);
  await world.deploy("t", every(1));
  await world.clock.advance(5 * minute);
  second.abort();
  await running;
  expect(await world.fired("t")).toEqual([1, 2, 3, 4, 5]);
});

test("one that can not fire holds up no other, and goes on when it can", async () => {
  world = await World.start();
  const { h, clock } = world;
  await world.deploy("broken", every(1));
  await world.deploy("sound", every(1));
  const { runs } = h.store;
  const createRun = runs.create.bind(runs);
  let broken = true;
  runs.create = async (...args) => {
    if (broken && args[0].triggerName === "broken") throw new ConnectError("no room", Code.ResourceExhausted);
    return createRun(...args);
  };
  await clock.advance(3 * minute);
  expect(await world.fired("sound")).toEqual([1, 2, 3]);
  expect(await world.fired("broken")).toEqual([]);
  broken = false;
  await clock.advance(2 * minute);
  expect(await world.fired("broken")).toEqual([1, 2, 3, 4, 5]);
});

test("a time that can never come to a run is given up: the schedule goes on", async () => {
  world = await World.start();
  const { h, clock } = world;
  await world.deploy("t", every(1));
  await h.projects.updateProject({ project: { id: project, name: project, state: 1 } });
  await clock.advance(2 * minute);
  await h.projects.updateProject({ project: { id: project, name: project, state: 0 } });
  await clock.advance(minute);
  expect(await world.fired("t")).toEqual([3]);
});

test("a schedule that is deployed again unchanged keeps its beat, a changed one starts anew", async () => {
  world = await World.start();
  const { clock } = world;
  await world.deploy("t", every(10));
  for (let n = 0; n < 3; n++) {
    await clock.advance(4 * minute);
    await world.deploy("t", every(10));
  }
  expect(await world.fired("t")).toEqual([10]);
  await world.deploy("t", every(5));
  await clock.advance(6 * minute);
  expect(await world.fired("t")).toEqual([10, 17]);
});

type Step =
  | { readonly kind: "pass" | "sleep" | "back"; readonly minutes: number }
  | { readonly kind: "restart" | "pause" | "resume" };

test("whatever happens, each fire time makes one run at most, none while it is paused, and none is lost", async () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constantFrom("pass" as const, "sleep" as const, "back" as const),
      minutes: fc.integer({ min: 1, max: 7 }),
    }),
    fc.record({ kind: fc.constantFrom("restart" as const, "pause" as const, "resume" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array<Step>(step, { maxLength: 12 }), async (steps) => {
      await using own = await World.start();
      await own.deploy("t", every(1));
      const expected = new Set<number>();
      // In minutes: now, up to where it has fired, whether it is active.
      let now = 0;
      let fired = 0;
      let active = true;
      for (const { kind, ...rest } of steps) {
        const minutes = "minutes" in rest ? rest.minutes : 0;
        if (kind === "pass") await own.clock.advance(minutes * minute);
        if (kind === "sleep") await own.clock.set(own.clock.now() + minutes * minute);
        if (kind === "back") await own.clock.set(own.clock.now() - minutes * minute);
        if (kind === "restart") {
          await own.down();
          own.up();
        }
        if (kind === "pause" || kind === "resume") {
          await own.activate("t", kind === "resume");
          if (kind === "resume" && !active) fired = now;
          active = kind === "resume";
        }
        await settle();
        now += kind === "back" ? -minutes : minutes;
        if (active) for (; fired < now; fired++) expected.add(fired + 1);
      }
      const found = await own.fired("t");
      expect(new Set(found)).toEqual(expected);
    }),
    { numRuns: 12 },
  );
}, 60_000);
