/** The status of a TaskAction: conditions by phase, and the few moves that change it. Pure. */
import type {
  AttemptRecord,
  Condition,
  ErrorState,
  Phase,
  PhaseEntry,
  Reason,
  TaskAction,
  TaskActionStatus,
} from "@homeplane/idl";

/** Texts in a status stay far below what an object may weigh. */
const maxMessage = 8 * 1024;
/** Old entries are of no use to anybody once they are reported. */
const maxHistory = 100;

/** What a condition's message is cut to. */
export const maxConditionMessage = 1024;
/** Ended attempts that are kept: the last few with their whole message, those before them with the start of it. */
const maxRecords = 100;
const wholeRecords = 8;
const oldMessage = 256;

export function cut(message: string, limit = maxMessage): string {
  return message.length <= limit ? message : `${message.slice(0, limit)}... (cut, ${message.length} characters)`;
}

const progressing: Readonly<Record<Phase, Reason>> = {
  QUEUED: "Queued",
  WAITING_FOR_RESOURCES: "Queued",
  INITIALIZING: "Initializing",
  RUNNING: "Executing",
  SUCCEEDED: "Completed",
  FAILED: "PermanentFailure",
  ABORTED: "Aborted",
  TIMED_OUT: "TimedOut",
};

export function conditionsFor(phase: Phase, reason: Reason, message: string, at: string): Condition[] {
  const text = cut(message, maxConditionMessage);
  const common = { reason, lastTransitionTime: at, ...(text === "" ? {} : { message: text }) };
  const ended = phase === "SUCCEEDED" || phase === "FAILED" || phase === "ABORTED" || phase === "TIMED_OUT";
  const list: Condition[] = [{ type: "Progressing", status: ended ? "False" : "True", ...common }];
  if (phase === "SUCCEEDED") list.push({ type: "Succeeded", status: "True", ...common });
  else if (ended) list.push({ type: "Failed", status: "True", ...common });
  return list;
}

function withHistory(status: TaskActionStatus, entries: readonly PhaseEntry[]): PhaseEntry[] {
  const known = status.phaseHistory ?? [];
  const isNew = (entry: PhaseEntry) => !known.some((k) => k.phase === entry.phase && k.attempt === entry.attempt);
  return [...known, ...entries.filter(isNew)].slice(-maxHistory);
}

/** However often an action is retried, its status stays small enough to be stored. */
function withRecord({ attemptHistory = [] }: TaskActionStatus, record: AttemptRecord): AttemptRecord[] {
  const records = [...attemptHistory, record].slice(-maxRecords);
  const leaving = records.length - wholeRecords - 1;
  return records.map((one, index) =>
    index === leaving && one.error !== undefined
      ? { ...one, error: { ...one.error, message: cut(one.error.message, oldMessage) } }
      : one,
  );
}

/** The pod got as far as `phase`; `entries` are the phases that were only seen so far. */
export function progressed(
  taskAction: TaskAction,
  phase: Phase,
  entries: readonly PhaseEntry[],
  message: string,
  at: string,
): TaskActionStatus {
  const status = taskAction.status ?? {};
  return {
    attempts: status.attempts ?? 1,
    systemFailures: status.systemFailures ?? 0,
    conditions: conditionsFor(phase, progressing[phase], message, at),
    phaseHistory: withHistory(status, entries),
  };
}

/** The attempt has ended and the next one may start at `notBefore`. */
export function retried(
  taskAction: TaskAction,
  record: AttemptRecord,
  entries: readonly PhaseEntry[],
  notBefore: string,
): TaskActionStatus {
  const status = taskAction.status ?? {};
  return {
    attempts: record.attempt + 1,
    systemFailures: 0,
    nodeStops: 0,
    conditions: conditionsFor("QUEUED", "RetryableFailure", record.error?.message ?? "", record.endedAt),
    phaseHistory: withHistory(status, entries),
    attemptHistory: withRecord(status, record),
    notBefore,
  };
}

/** The pod was lost through no fault of the task: the same attempt goes on in a new pod. */
export function relaunched(
  taskAction: TaskAction,
  error: ErrorState,
  entries: readonly PhaseEntry[],
  at: string,
  notBefore: string,
  nodeStop: boolean,
): TaskActionStatus {
  const status = taskAction.status ?? {};
  return {
    attempts: status.attempts ?? 1,
    systemFailures: (status.systemFailures ?? 0) + 1,
    ...(nodeStop ? { nodeStops: (status.nodeStops ?? 0) + 1 } : {}),
    conditions: conditionsFor("QUEUED", "Queued", `${error.code}: ${error.message}`, at),
    phaseHistory: withHistory(status, entries),
    notBefore,
  };
}

/** The action has ended for good. */
export function ended(
  taskAction: TaskAction,
  record: AttemptRecord,
  entries: readonly PhaseEntry[],
  reason?: Reason,
): TaskActionStatus {
  const status = taskAction.status ?? {};
  return {
    attempts: record.attempt,
    systemFailures: status.systemFailures ?? 0,
    conditions: conditionsFor(
      record.phase,
      reason ?? progressing[record.phase],
      record.error?.message ?? "",
      record.endedAt,
    ),
    phaseHistory: withHistory(status, entries),
    attemptHistory: withRecord(status, record),
    ...(record.error === undefined ? {} : { errorState: record.error }),
  };
}
