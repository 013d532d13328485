import { ActionPhase } from "./gen/flyteidl2/common/phase_pb.ts";
import type { Phase } from "./taskaction/types.ts";

const toProto: Readonly<Record<Phase, ActionPhase>> = {
  QUEUED: ActionPhase.QUEUED,
  WAITING_FOR_RESOURCES: ActionPhase.WAITING_FOR_RESOURCES,
  INITIALIZING: ActionPhase.INITIALIZING,
  RUNNING: ActionPhase.RUNNING,
  SUCCEEDED: ActionPhase.SUCCEEDED,
  FAILED: ActionPhase.FAILED,
  ABORTED: ActionPhase.ABORTED,
  TIMED_OUT: ActionPhase.TIMED_OUT,
  PAUSED: ActionPhase.PAUSED,
  RECOVERED: ActionPhase.RECOVERED,
};

export function phaseToProto(phase: Phase): ActionPhase {
  return toProto[phase];
}

const terminal: ReadonlySet<ActionPhase> = new Set([
  ActionPhase.SUCCEEDED,
  ActionPhase.FAILED,
  ActionPhase.ABORTED,
  ActionPhase.TIMED_OUT,
  ActionPhase.RECOVERED,
]);

/** The order in which phases come within an attempt; the numbers on the wire are not it: PAUSED is larger than most terminal ones. */
export function phaseOrder(phase: ActionPhase): number {
  if (isTerminal(phase)) return 100 + phase;
  return phase === ActionPhase.PAUSED ? 50 : phase;
}

/** Terminal is terminal: nothing revives an action in one of these. */
export function isTerminal(phase: ActionPhase): boolean {
  return terminal.has(phase);
}
