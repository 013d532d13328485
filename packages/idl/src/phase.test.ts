import { expect, test } from "vitest";
import { ActionPhase } from "./gen/flyteidl2/common/phase_pb.ts";
import { isTerminal, phaseToProto } from "./phase.ts";
import { phaseOf } from "./taskaction/phase.ts";
import type { Condition, Phase, TaskAction } from "./taskaction/types.ts";

test("exactly the phases that end an action are terminal", () => {
  const ended = Object.entries(ActionPhase)
    .filter(([, phase]) => isTerminal(phase))
    .map(([name]) => name);
  expect(ended.toSorted()).toEqual(["ABORTED", "FAILED", "RECOVERED", "SUCCEEDED", "TIMED_OUT"]);
  expect(isTerminal(99 as ActionPhase)).toBe(false);
});

test("a phase goes by the same name in the resource and on the wire", () => {
  const names: Phase[] = [
    "QUEUED",
    "WAITING_FOR_RESOURCES",
    "INITIALIZING",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "ABORTED",
    "TIMED_OUT",
    "PAUSED",
    "RECOVERED",
  ];
  for (const name of names) expect(phaseToProto(name)).toBe(ActionPhase[name]);
});

const condition = (
  type: Condition["type"],
  reason: Condition["reason"],
  status: Condition["status"] = "True",
): Condition => ({
  type,
  reason,
  status,
  lastTransitionTime: "2026-01-01T00:00:00Z",
});
const withConditions = (...conditions: Condition[]): TaskAction => ({
  apiVersion: "flyte.org/v1",
  kind: "TaskAction",
  metadata: { name: "r-a0" },
  spec: { runName: "r", actionName: "a0", project: "p", domain: "d" },
  status: { conditions },
});

test.each<[Phase, Condition[]]>([
  ["QUEUED", []],
  ["QUEUED", [condition("Progressing", "Queued")]],
  ["INITIALIZING", [condition("Progressing", "Initializing")]],
  ["RUNNING", [condition("Progressing", "Executing")]],
  ["PAUSED", [condition("Progressing", "Paused")]],
  ["QUEUED", [condition("Progressing", "RetryableFailure"), condition("Failed", "PermanentFailure", "False")]],
  ["SUCCEEDED", [condition("Progressing", "Completed", "False"), condition("Succeeded", "Completed")]],
  ["FAILED", [condition("Progressing", "PermanentFailure", "False"), condition("Failed", "PermanentFailure")]],
  ["FAILED", [condition("Failed", "InvalidSpec")]],
  ["ABORTED", [condition("Failed", "Aborted")]],
  ["TIMED_OUT", [condition("Failed", "TimedOut")]],
])("%s is what the conditions %j say", (phase, conditions) => {
  expect(phaseOf(withConditions(...conditions))).toBe(phase);
});

test("what has succeeded in another run is RECOVERED", () => {
  const ended = withConditions(condition("Succeeded", "Completed"));
  expect(phaseOf({ ...ended, spec: { ...ended.spec, recovered: "" } })).toBe("RECOVERED");
});
