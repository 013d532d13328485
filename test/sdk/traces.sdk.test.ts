/** Traces: a step that has succeeded is not done again, whatever becomes of the task around it. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import type { Action } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually, hasPython, sdks, TestHomeplane } from "./homeplane.ts";
import { countMarks } from "./marks.ts";

const file = "traces.py";

describe.skipIf(!hasPython).each(sdks)("traces with the flyte SDK $version", { timeout: 120_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  let counts: string;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());
  beforeEach(async () => {
    counts = await mkdtemp(join(tmpdir(), "homeplane-counts-"));
    return () => rm(counts, { recursive: true });
  });

  const ran = (): Promise<Record<string, number>> => countMarks(counts);
  const traces = async (run: string): Promise<readonly Action[]> =>
    (await homeplane.actions(run)).filter(({ metadata }) => metadata?.spec.case === "trace");
  const told = (run: string, count: number): Promise<readonly Action[]> =>
    eventually(`${count} traces are told with their end`, 20_000, async () => {
      const found = await traces(run);
      return found.length === count && found.every(({ status }) => status?.endTime !== undefined) && found;
    });

  test("a task that is retried twice does each traced step once", async () => {
    const { run, outputs } = await homeplane.feature("retried", { COUNTS: counts }, file);
    expect(outputs).toEqual(["total 30"]);
    expect(await ran()).toEqual({ "step-0": 1, "step-1": 1, "step-2": 1, "step-3": 1, "step-4": 1 });
    expect((await told(run, 5)).every(({ status }) => status?.phase === ActionPhase.SUCCEEDED)).toBe(true);
  });

  test("so does one whose process was killed: a new pod of the same attempt", async () => {
    const { run, outputs } = await homeplane.feature("killed", { COUNTS: counts }, file);
    expect(outputs).toEqual(["total 9"]);
    expect(await ran()).toEqual({ "step-3": 1, killed: 2 });
    await told(run, 1);
  });

  test("a step that fails for good raises its own error again and is not done again; one that may work is", async () => {
    const { run, outputs } = await homeplane.feature("failures", { COUNTS: counts }, file);
    expect(outputs?.[0]).toMatch(/this never works.* \| worked the 2nd time/);
    const { fails_for_good: forGood, fails_once: once } = await ran();
    expect([forGood, once]).toEqual([1, 2]);
    const [phases, errors] = [new Map<string, ActionPhase>(), new Map<string, string>()];
    for (const { id, metadata } of await told(run, 2)) {
      const name = (metadata?.spec.case === "trace" && metadata.spec.value.name) || "";
      const { status, result } = await homeplane.details(run, id?.name);
      phases.set(name, status?.phase ?? ActionPhase.UNSPECIFIED);
      if (result.case === "errorInfo") errors.set(name, result.value.message);
    }
    expect(phases.get("fails_for_good")).toBe(ActionPhase.FAILED);
    expect(errors.get("fails_for_good")).toContain("this never works");
  });

  test("traces that were recorded just before homeplane was killed are told after its next start", async () => {
    const flag = join(counts, "flag");
    const run = await homeplane.startFeature("traced_and_waiting", { FLAG: flag });
    const base = join(homeplane.dataDir, "objects/homeplane-metadata/homeplane/flytesnacks/development", run);
    await eventually(
      "the traces are stored",
      30_000,
      async () => (await readdir(join(base, "a0/traces")).catch(() => [])).length >= 20,
    );
    await homeplane.stop("SIGKILL");
    await homeplane.up();
    await told(run, 20);
    await homeplane.runs.abortRun({ runId: homeplane.actionId(run).run });
  });
});
