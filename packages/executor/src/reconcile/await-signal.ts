/** A condition: no pod, only a wait. It is PAUSED until its answer is in the status, its time is up, or it is aborted. */
import { fromBinary } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { AttemptRecord, PhaseEntry, Reason, TaskAction } from "@homeplane/idl";
import { type ConditionAction, ConditionActionSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { seenPhases } from "../report/phases.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import { durationText } from "./duration-text.ts";
import { ended, progressed } from "./status.ts";
import { readLive, writeStatus } from "./write.ts";

export async function awaitSignal(deps: Deps, seen: TaskAction, signal: AbortSignal): Promise<Next> {
  const pausedAt = seen.status?.phaseHistory?.find((entry) => entry.phase === "PAUSED")?.occurredAt;
  if (pausedAt === undefined) return pause(deps, seen, signal);
  if (seen.status?.signalValue !== undefined)
    return end(deps, seen, pausedAt, { phase: "SUCCEEDED" }, signal, "Signaled");
  const condition = decode(await readLive(deps, seen, signal));
  if (condition === undefined) {
    const message = "spec.conditionSpec: is no protobuf flyteidl2.workflow.ConditionAction";
    const error = { code: "InvalidSpec", kind: "USER" as const, message };
    return end(deps, seen, pausedAt, { phase: "FAILED", error }, signal, "InvalidSpec");
  }
  if (condition.timeout === undefined) return undefined;
  const limitMs = durationMs(condition.timeout);
  if (deps.alarms.left(seen, "signal", pausedAt, limitMs) > 0) return undefined;
  const message = `nobody answered condition "${condition.name}" within ${durationText(limitMs)}`;
  const error = { code: "ConditionTimedOut", kind: "USER" as const, message };
  return end(deps, seen, pausedAt, { phase: "TIMED_OUT", error }, signal);
}

async function pause(deps: Deps, taskAction: TaskAction, signal: AbortSignal): Promise<Next> {
  const at = nowIso(deps.clock);
  const entries: PhaseEntry[] = [...seenPhases(taskAction, undefined), { phase: "PAUSED", occurredAt: at, attempt: 1 }];
  await writeStatus(deps, taskAction, progressed(taskAction, "PAUSED", entries, "waits for its signal", at), signal);
  // The echo of it brings us back, also when the answer came before us.
  return undefined;
}

async function end(
  deps: Deps,
  taskAction: TaskAction,
  pausedAt: string,
  outcome: Pick<AttemptRecord, "phase" | "error">,
  signal: AbortSignal,
  reason?: Reason,
): Promise<Next> {
  const record = { attempt: 1, startedAt: pausedAt, endedAt: nowIso(deps.clock), ...outcome };
  await writeStatus(deps, taskAction, ended(taskAction, record, [], reason), signal);
  return undefined;
}

function decode(taskAction: TaskAction | undefined): ConditionAction | undefined {
  try {
    return fromBinary(ConditionActionSchema, Buffer.from(taskAction?.spec.conditionSpec ?? "", "base64"));
  } catch {
    return undefined;
  }
}
