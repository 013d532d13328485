/** Triggers, with the SDK's own `flyte deploy`, `flyte get`, `flyte update` and `flyte delete`. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { FixedRateUnit, ScheduleSchema, TriggerAutomationSpecType } from "@homeplane/idl/flyteidl2/task/common";
import { TriggerService } from "@homeplane/idl/flyteidl2/trigger/trigger_service";
import { RunSource } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasPython, sdks, TestHomeplane } from "./homeplane.ts";

const scope = { project: "flytesnacks", domain: "development" };
const inProject = { case: "projectId" as const, value: { name: scope.project, domain: scope.domain } };
const taskName = "triggers.scheduled";
/** As JSON: the table of SDK 2.5.8 fails in the client. */
const listing = ["-of", "json", "get", "trigger"];

describe.skipIf(!hasPython).each(sdks)("triggers with SDK $version", { timeout: 90_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  let start: number;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
    start = Math.ceil(Date.now() / 1_000) * 1_000 + 12_000;
    const deployed = await homeplane.flyte(["deploy", "triggers.py", "env"], {
      START: new Date(start).toISOString().replace("Z", "+00:00"),
    });
    if (deployed.code !== 0) throw new Error(deployed.stdout + deployed.stderr);
  }, 60_000);
  afterAll(() => homeplane[Symbol.asyncDispose]());

  const triggers = () =>
    createClient(
      TriggerService,
      createConnectTransport({ baseUrl: homeplane.endpoints.controlPlane, httpVersion: "1.1" }),
    );
  const runsOf = async (name: string) => {
    const scopeBy = { case: "triggerName" as const, value: { ...scope, taskName, name } };
    return (await homeplane.runs.listRuns({ scopeBy })).runs;
  };

  test("flyte get trigger lists what was deployed, and one with its details", async () => {
    const listed = await homeplane.flyte(listing);
    expect(listed.code).toBe(0);
    for (const name of ["soon", "paused", "nightly", "hourly"]) expect(listed.stdout).toContain(name);
    const one = await homeplane.flyte(["get", "trigger", taskName, "soon"]);
    expect(one.code).toBe(0);
    expect(one.stdout).toContain("soon");
    const { triggers: found } = await triggers().listTriggers({ scopeBy: inProject });
    const active = Object.fromEntries(found.map(({ id, active: is }) => [id?.name?.name, is]));
    expect(active).toEqual({ soon: true, paused: false, nightly: true, hourly: true });
  });

  test("one that is active fires at its time, once, and the task gets that time", async () => {
    const run = await eventually("a run", 30_000, async () => (await runsOf("soon"))[0]);
    expect(Date.now()).toBeGreaterThanOrEqual(start);
    expect(run.labels).toEqual({ "made-by": "soon" });
    expect(run.action?.metadata).toMatchObject({ source: RunSource.SCHEDULE_TRIGGER, triggerName: "soon" });
    const name = run.action?.id?.run?.name ?? "";
    await eventually("its end", 40_000, async () => {
      const phase = (await homeplane.details(name)).status?.phase;
      expect(phase).not.toBe(ActionPhase.FAILED);
      return phase === ActionPhase.SUCCEEDED;
    });
    const data = await homeplane.data.getActionData({ actionId: homeplane.actionId(name) });
    const value = JSON.stringify(data.outputs?.literals[0]?.value?.value);
    expect(value).toContain(`${new Date(start).toISOString().slice(0, 19)}+00:00 21 from the trigger`);
    const { trigger } = await triggers().getTriggerDetails({ name: { ...scope, taskName, name: "soon" } });
    expect(trigger?.status?.triggeredAt && timestampMs(trigger.status.triggeredAt)).toBe(start);
    expect(await runsOf("soon")).toHaveLength(1);
    expect(await runsOf("paused")).toHaveLength(0);
  });

  test("flyte update trigger pauses and resumes it, flyte delete trigger takes it away", async () => {
    const active = async (name: string) =>
      (await triggers().getTriggerDetails({ name: { ...scope, taskName, name } })).trigger?.spec?.active;
    for (const [flag, expected] of [
      ["--deactivate", false],
      ["--activate", true],
    ] as const) {
      const { code, stderr } = await homeplane.flyte(["update", "trigger", "nightly", taskName, flag]);
      expect([code, stderr]).toEqual([0, ""]);
      expect(await active("nightly")).toBe(expected);
    }
    const gone = await homeplane.flyte(["delete", "trigger", "nightly", taskName]);
    expect(gone.code).toBe(0);
    const listed = await homeplane.flyte(listing);
    expect(listed.stdout).not.toContain("nightly");
    const missing = await homeplane.flyte(["update", "trigger", "nightly", taskName, "--activate"]);
    expect(missing.code).not.toBe(0);
    expect(missing.stdout + missing.stderr).toContain("has no trigger nightly");
  });

  test("one that is paused runs on demand by its name, with its inputs", async () => {
    const value = { ...scope, taskName, name: "paused" };
    const answer = await homeplane.runs.createRun({ id: inProject, task: { case: "triggerName", value } });
    const name = answer.run?.action?.id?.run?.name ?? "";
    await eventually(
      "its end",
      40_000,
      async () => (await homeplane.details(name)).status?.phase === ActionPhase.SUCCEEDED,
    );
    const data = await homeplane.data.getActionData({ actionId: homeplane.actionId(name) });
    expect(JSON.stringify(data.outputs?.literals[0]?.value?.value)).toContain("+00:00 2 ");
  });

  test("flyte create trigger adds one to a deployed task; an expression that is none is refused with its reason", async () => {
    const made = await homeplane.flyte([
      "create",
      "trigger",
      taskName,
      "extra",
      "--schedule",
      "0 6 * * MON",
      "--trigger-time-var",
      "at",
    ]);
    expect([made.code, made.stderr]).toEqual([0, ""]);
    const bad = await homeplane.flyte([
      "create",
      "trigger",
      taskName,
      "bad",
      "--schedule",
      "0 25 * * *",
      "--trigger-time-var",
      "at",
    ]);
    expect(bad.code).not.toBe(0);
    expect((bad.stdout + bad.stderr).replaceAll(/\s+/g, " ")).toContain("0 25 * * *");
  });

  test("one that is due while homeplane is dead fires once after its return, with its own time", async () => {
    const value = { ...scope, taskName, name: "crash" };
    const at = Math.ceil(Date.now() / 1_000) * 1_000 + 2_000;
    const startTime = timestampFromMs(at);
    const found = await triggers().getTriggerDetails({ name: { ...scope, taskName, name: "paused" } });
    const schedule = create(ScheduleSchema, {
      kickoffTimeInputArg: "at",
      expression: { case: "rate", value: { value: 1, unit: FixedRateUnit.DAY, startTime } },
    });
    await triggers().deployTrigger({
      name: value,
      spec: {
        active: true,
        taskVersion: found.trigger?.spec?.taskVersion ?? "",
        inputWrapper: found.trigger?.spec?.inputWrapper ?? { case: undefined },
      },
      automationSpec: {
        type: TriggerAutomationSpecType.TYPE_SCHEDULE,
        automation: { case: "schedule", value: schedule },
      },
    });
    await homeplane.stop("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, at - Date.now() + 200));
    await homeplane.up();
    await eventually("the run", 20_000, async () => (await runsOf("crash")).length > 0);
    // Killed again right after: what was fired is not fired again.
    await homeplane.stop("SIGKILL");
    await homeplane.up();
    const [run, ...more] = await runsOf("crash");
    expect(more).toEqual([]);
    const name = run?.action?.id?.run?.name ?? "";
    await eventually(
      "its end",
      40_000,
      async () => (await homeplane.details(name)).status?.phase === ActionPhase.SUCCEEDED,
    );
    const data = await homeplane.data.getActionData({ actionId: homeplane.actionId(name) });
    expect(JSON.stringify(data.outputs?.literals[0]?.value?.value)).toContain(new Date(at).toISOString().slice(0, 19));
    expect(await runsOf("crash")).toHaveLength(1);
  });
});
