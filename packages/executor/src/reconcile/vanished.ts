/** An action whose resource is gone before its end was told: finalizers were taken off by force. Whoever waits for it must hear of it all the same. */
import { abortReasonAnnotation, type TaskAction, terminalPhase } from "@homeplane/idl";
import type { PodView } from "../pod/observe.ts";
import { currentPod, outputPrefixOf } from "../pod/task.ts";
import { type ActionReport, buildReport } from "../report/action-report.ts";
import { seenPhases } from "../report/phases.ts";
import type { ExecutorConfig } from "../config.ts";
import { isSettled } from "./settle.ts";
import { ended } from "./status.ts";

/** `undefined`: its end is told, or about to be. */
export function vanishedReport(
  taskAction: TaskAction,
  pod: PodView | undefined,
  { cluster, pod: { org } }: ExecutorConfig,
  at: string,
): ActionReport | undefined {
  if (isSettled(taskAction)) return undefined;
  const { namespace, name, annotations } = taskAction.metadata;
  const reason =
    annotations?.[abortReasonAnnotation] ?? `TaskAction ${namespace}/${name} was removed by force before its end`;
  if (terminalPhase(taskAction) !== undefined) return buildReport(taskAction, pod, cluster, org, reason);
  const { attempt, incarnation } = currentPod(taskAction);
  const entries = seenPhases(taskAction, pod);
  const record = {
    attempt,
    phase: "ABORTED" as const,
    startedAt: entries.find((entry) => entry.phase === "RUNNING")?.occurredAt ?? at,
    endedAt: at,
    error: { code: "Aborted", kind: "USER" as const, message: reason },
    outputUri: outputPrefixOf(taskAction, attempt, incarnation),
    ...(pod === undefined ? {} : { podName: pod.name }),
  };
  return buildReport({ ...taskAction, status: ended(taskAction, record, entries) }, pod, cluster, org, reason);
}
