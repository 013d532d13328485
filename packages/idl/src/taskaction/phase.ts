import type { Phase, Reason, TaskAction } from "./types.ts";

export type TerminalPhase = "SUCCEEDED" | "FAILED" | "ABORTED" | "TIMED_OUT" | "RECOVERED";

/** How the action has ended, as its conditions say; `undefined` while it has not. */
export function terminalPhase({ spec, status }: TaskAction): TerminalPhase | undefined {
  const conditions = status?.conditions ?? [];
  if (conditions.some((c) => c.type === "Succeeded" && c.status === "True"))
    return spec.recovered === undefined ? "SUCCEEDED" : "RECOVERED";
  const failed = conditions.find((c) => c.type === "Failed" && c.status === "True");
  if (failed === undefined) return undefined;
  if (failed.reason === "Aborted") return "ABORTED";
  return failed.reason === "TimedOut" ? "TIMED_OUT" : "FAILED";
}

/** Why it is where it is, in the word of its condition Progressing. */
export function progressReason({ status }: TaskAction): Reason | undefined {
  return status?.conditions?.find((condition) => condition.type === "Progressing")?.reason;
}

/** The phase of the action as a whole. */
export function phaseOf(taskAction: TaskAction): Phase {
  const ended = terminalPhase(taskAction);
  if (ended !== undefined) return ended;
  const reason = progressReason(taskAction);
  if (reason === "Executing") return "RUNNING";
  if (reason === "Paused") return "PAUSED";
  return reason === "Initializing" ? "INITIALIZING" : "QUEUED";
}
