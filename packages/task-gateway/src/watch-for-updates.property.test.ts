/** The watch against a model: whoever reads it, however slowly, is told of every child and of how it ended, each state once, in order. */
import { create } from "@bufbuild/protobuf";
import { type TaskAction, taskActionName } from "@homeplane/idl";
import { ActionSchema } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import type { KubeClient } from "@homeplane/kube";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Children } from "./children.ts";
import type { Recoveries } from "./recoveries.ts";
import type { RecordedTrace } from "./trace-error.ts";
import type { Traces } from "./traces.ts";
import { watchForUpdates } from "./watch-for-updates.ts";

const run = { project: "p", domain: "d", name: "r" };
const reasons = ["Queued", "Initializing", "Executing", "Completed"] as const;
const phases = [ActionPhase.QUEUED, ActionPhase.INITIALIZING, ActionPhase.RUNNING, ActionPhase.SUCCEEDED] as const;

/** `step` is how far it has come, as an index of the lists above. */
function childAt(name: string, step: number): TaskAction {
  const at = "2030-01-01T00:00:00Z";
  const progressing = { type: "Progressing" as const, status: "True" as const, reason: reasons[step] ?? "Queued" };
  const succeeded = { type: "Succeeded" as const, status: "True" as const, reason: "Completed" as const };
  const conditions = (step === 3 ? [progressing, succeeded] : [progressing]).map((one) => ({
    ...one,
    lastTransitionTime: at,
  }));
  return {
    apiVersion: "flyte.org/v1",
    kind: "TaskAction",
    metadata: { name: taskActionName("r", name), namespace: "p-d" },
    spec: {
      runName: "r",
      actionName: name,
      parentActionName: "a0",
      project: "p",
      domain: "d",
      runOutputBase: "s3://b/r",
    },
    status: { conditions },
  };
}

class Model {
  readonly children = new Map<string, TaskAction>();
  readonly traces = new Map<string, RecordedTrace>();
  #onChild: (child: TaskAction) => void = () => undefined;
  #onTrace: (trace: RecordedTrace) => void = () => undefined;

  put(name: string, step: number): void {
    const child = childAt(name, step);
    this.children.set(name, child);
    this.#onChild(child);
  }

  record(name: string): void {
    const spec = {
      case: "trace" as const,
      value: { name, phase: ActionPhase.SUCCEEDED, outputs: { outputUri: name } },
    };
    const trace = { action: create(ActionSchema, { actionId: { run, name }, spec }) };
    this.traces.set(name, trace);
    this.#onTrace(trace);
  }

  watch(signal: AbortSignal): ReturnType<typeof watchForUpdates> {
    const { children, traces } = this;
    const options = {
      client: {} as KubeClient,
      stopping: new AbortController().signal,
      children: {
        informer: { synced: Promise.resolve(), get: () => childAt("a0", 2) },
        of: () => [...children.values()],
        listen: (_: string, listener: (child: TaskAction) => void) => {
          this.#onChild = listener;
          return () => undefined;
        },
      } as unknown as Children,
      traces: {
        async *of() {
          for (const trace of [...traces.values()]) {
            await turns(1);
            yield trace;
          }
        },
        listen: (_: TaskAction, listener: (trace: RecordedTrace) => void) => {
          this.#onTrace = listener;
          return () => undefined;
        },
      } as unknown as Traces,
      recoveries: { traces: async () => [] } as unknown as Recoveries,
    };
    return watchForUpdates(
      options,
      {
        $typeName: "flyteidl2.common.ActionIdentifier",
        run: { $typeName: "flyteidl2.common.RunIdentifier", org: "", ...run },
        name: "a0",
      },
      signal,
    );
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const action = fc.record({
  name: fc.constantFrom("c1", "c2", "c3", "c4"),
  trace: fc.boolean(),
  /** Turns of the event loop before it happens. */
  after: fc.integer({ min: 0, max: 4 }),
});

test("a watch drops nothing, doubles nothing, and goes back on nothing", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 12 }),
      fc.array(action, { maxLength: 25 }),
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 8 }),
      async (before, during, paces) => {
        const model = new Model();
        const steps = new Map<string, number>();
        const happen = ({ name, trace }: { name: string; trace: boolean }): void => {
          if (trace) return model.record(`t-${name}`);
          const step = Math.min((steps.get(name) ?? -1) + 1, 3);
          steps.set(name, step);
          model.put(name, step);
        };
        for (const one of before) happen(one);
        const known = new Set([...model.children.keys(), ...model.traces.keys()]);
        const stop = new AbortController();
        const told = new Map<string, ActionPhase[]>();
        let sentinels = 0;
        const reading = (async () => {
          let read = 0;
          for await (const { message } of model.watch(stop.signal)) {
            if (message?.case === "controlMessage") {
              sentinels++;
              for (const name of known) expect(told.has(name), `${name} is told before the sentinel`).toBe(true);
            } else if (message?.case === "actionUpdate") {
              const { actionId, phase = ActionPhase.UNSPECIFIED } = message.value;
              const name = actionId?.name ?? "";
              told.set(name, [...(told.get(name) ?? []), phase]);
            }
            await turns(paces[read++ % paces.length] ?? 0);
          }
        })();
        for (const one of during) {
          await turns(one.after);
          happen(one);
        }
        await turns(40 * 5);
        stop.abort();
        await reading;
        expect(sentinels).toBe(1);
        for (const [name, step] of steps) {
          const sequence = told.get(name) ?? [];
          expect(sequence.at(-1), `${name} is told as it is`).toBe(phases[step]);
          expect(sequence, `${name} only goes forward`).toEqual([...new Set(sequence)].toSorted((a, b) => a - b));
        }
        for (const name of model.traces.keys()) expect(told.get(name)).toEqual([ActionPhase.SUCCEEDED]);
        expect(told.size).toBe(steps.size + model.traces.size);
      },
    ),
    { numRuns: 150 },
  );
});
