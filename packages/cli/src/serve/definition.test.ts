import { taskActionCrd } from "@homeplane/idl";
import type { Transport } from "@homeplane/kube";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { definitionCheck, definitionProblem, missingFields, onceItFits, type Schema } from "./definition.ts";

const ours = taskActionCrd.spec.versions[0]?.schema.openAPIV3Schema as Schema;
const paths = { "/apis/flyte.org/v1/namespaces/{namespace}/taskactions/{name}/status": {} };
const served = (schema: Schema) => ({ paths, components: { schemas: { "org.flyte.v1.TaskAction": schema } } });
const without = (field: string): Schema => {
  const { [field]: _, ...properties } = ours.properties?.["spec"]?.properties ?? {};
  return { properties: { ...ours.properties, spec: { properties } } };
};

test("this version's own definition fits, also with fields that we do not know", () => {
  expect(definitionProblem(served(ours))).toBeUndefined();
  expect(definitionProblem(served({ properties: { ...ours.properties, more: {} } }))).toBeUndefined();
});

test("one that would drop a field is refused, and the fields are named", () => {
  expect(definitionProblem(served(without("recovered")))).toBe(
    "the cluster's definition taskactions.flyte.org is another version's: it would drop spec.recovered",
  );
  expect(missingFields(ours, { properties: {} })).toEqual(["spec", "status"]);
  expect(missingFields(ours, { "x-kubernetes-preserve-unknown-fields": true })).toEqual([]);
});

test("one without the subresource, or none at all, is told apart", () => {
  expect(definitionProblem({ ...served(ours), paths: {} })).toContain("has no subresource status");
  expect(definitionProblem({})).toBe("the cluster has no definition taskactions.flyte.org of version v1");
});

interface Answer {
  readonly status: number;
  readonly body?: object;
}

/** Answers one after the other; the last one from then on. */
function answering(answers: readonly Answer[]): Transport {
  let asked = 0;
  return {
    async request() {
      const { status, body = {} } = answers[Math.min(asked++, answers.length - 1)] ?? { status: 500 };
      const bytes = new TextEncoder().encode(JSON.stringify(body));
      return { status, headers: {}, body: new Blob([bytes]).stream() };
    },
    close: async () => undefined,
  };
}

/** What is told after each look. */
async function looks(count: number, ...answers: readonly Answer[]) {
  const told: (string | undefined)[] = [];
  const stop = new AbortController();
  const clock = {
    ...systemClock,
    after: (_: number, run: () => void) => {
      told.push(check.problem());
      // What works from now on has its turn first.
      if (told.length === count) setImmediate(() => stop.abort());
      else queueMicrotask(run);
      return () => undefined;
    },
  };
  const { check, prober, fits } = definitionCheck({ transport: answering(answers), clock, log: silentLogger });
  let worked = false;
  const work = onceItFits({ name: "work", run: async () => void (worked = true) }, fits).run(stop.signal);
  await prober.run(stop.signal);
  await work;
  return { told, worked };
}

test("nothing works before the definition fits", async () => {
  const old = await looks(2, { status: 200, body: served(without("runSpec")) });
  expect(old.worked).toBe(false);
  expect(old.told[1]).toMatch(/it would drop spec\.runSpec\. The way out: apply this version's/);
  const late = await looks(2, { status: 404 }, { status: 200, body: served(ours) });
  expect(late).toEqual({ worked: true, told: [expect.stringContaining("has no definition"), undefined] });
});

test("an API server that is away for a moment takes no component out of service, one that was never asked does", async () => {
  const answers = [{ status: 200, body: served(ours) }, { status: 503 }];
  expect(await looks(2, ...answers)).toEqual({ worked: true, told: [undefined, undefined] });
  expect((await looks(1, { status: 503 })).told[0]).toContain("could not be read");
});

test("where it may not be read it is taken to fit: not every cluster lets everybody look", async () => {
  expect(await looks(1, { status: 403 })).toEqual({ worked: true, told: [undefined] });
});
