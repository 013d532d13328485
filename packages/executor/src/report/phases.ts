import { type Phase, type PhaseEntry, progressReason, type TaskAction } from "@homeplane/idl";
import type { PodView } from "../pod/observe.ts";
import { startText } from "../pod/start-text.ts";
import { currentPod } from "../pod/task.ts";

/** The order in which phases come. */
export const rank: Readonly<Record<Phase, number>> = {
  QUEUED: 1,
  WAITING_FOR_RESOURCES: 2,
  INITIALIZING: 3,
  PAUSED: 3,
  RUNNING: 4,
  SUCCEEDED: 5,
  FAILED: 6,
  ABORTED: 7,
  TIMED_OUT: 8,
  RECOVERED: 9,
};

/** Phases that only the pod shows so far, with the pod's own times. */
export function seenPhases(taskAction: TaskAction, pod: PodView | undefined): PhaseEntry[] {
  const { attempt } = currentPod(taskAction);
  const previous = taskAction.status?.attemptHistory?.at(-1);
  const queuedAt = previous?.endedAt ?? taskAction.metadata.creationTimestamp ?? "";
  const why = whyAgain(taskAction);
  const entries: PhaseEntry[] = [
    { phase: "QUEUED", occurredAt: queuedAt, attempt, ...(why === undefined ? {} : { message: why }) },
  ];
  if (pod === undefined || pod.state.kind === "created") return entries;
  const { state } = pod;
  if (state.kind === "waiting")
    return [...entries, { phase: "WAITING_FOR_RESOURCES", occurredAt: pod.createdAt, attempt, message: state.message }];
  const problem = state.kind === "starting" && state.problem;
  const message = problem ? { message: startText(problem) } : {};
  entries.push({ phase: "INITIALIZING", occurredAt: pod.createdAt, attempt, ...message });
  const startedAt =
    state.kind === "running" ? state.startedAt : state.kind === "ended" ? state.end.startedAt : undefined;
  if (startedAt !== undefined) entries.push({ phase: "RUNNING", occurredAt: startedAt, attempt });
  return entries;
}

/** Between two attempts: when the next one starts, and what became of the one before. */
function whyAgain(taskAction: TaskAction): string | undefined {
  if (progressReason(taskAction) !== "RetryableFailure") return undefined;
  return taskAction.status?.conditions?.find(({ type }) => type === "Progressing")?.message;
}
