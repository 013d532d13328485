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

/** Terminal is terminal: nothing revives an action in one of these. */
export function isTerminal(phase: ActionPhase): boolean {
  return terminal.has(phase);
}
