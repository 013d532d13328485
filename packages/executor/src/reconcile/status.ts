/** The status of a TaskAction: conditions by phase, and the few moves that change it. Pure. */
import type {
  AttemptRecord,
  Condition,
  Exceeded,
  Phase,
  PhaseEntry,
  Reason,
  Relaunch,
  TaskAction,
  TaskActionStatus,
} from "@homeplane/idl";

/** Texts in a status stay far below what an object may weigh. */
const maxMessage = 8 * 1024;
const maxPhaseMessage = 1024;
/** Old entries are of no use to anybody once they are reported. */
const maxHistory = 100;

/** What a condition's message is cut to: it stands in a column of kubectl's. */
const maxConditionMessage = 300;
/** Ended attempts that are kept: the last few with their whole message, those before them with the start of it. */
const maxRecords = 100;
const wholeRecords = 8;
const oldMessage = 256;
/** Relaunches that are told of. */
const maxRelaunches = 8;

export function cut(message: string, limit = maxMessage): string {
  return message.length <= limit ? message : `${message.slice(0, limit)}... (cut, ${message.length} characters)`;
}

export const progressing: Readonly<Record<Phase, Reason>> = {
  QUEUED: "Queued",
  WAITING_FOR_RESOURCES: "Queued",
  INITIALIZING: "Initializing",
  RUNNING: "Executing",
  SUCCEEDED: "Completed",
  FAILED: "PermanentFailure",
  ABORTED: "Aborted",
  TIMED_OUT: "TimedOut",
  PAUSED: "Paused",
  RECOVERED: "Completed",
};

/** One line, as far as it fits into one. */
export function conditionMessage(message: string): string {
  return cut(message.trim().replaceAll(/\s*\n\s*/g, " | "), maxConditionMessage);
}

const successes: ReadonlySet<Phase> = new Set(["SUCCEEDED", "RECOVERED"]);
const failures: ReadonlySet<Phase> = new Set(["FAILED", "ABORTED", "TIMED_OUT"]);

export function conditionsFor(phase: Phase, reason: Reason, message: string, at: string): Condition[] {
  const text = conditionMessage(message);
  const common = { reason, lastTransitionTime: at, ...(text === "" ? {} : { message: text }) };
  const [succeeded, failed] = [successes.has(phase), failures.has(phase)];
  const list: Condition[] = [{ type: "Progressing", status: succeeded || failed ? "False" : "True", ...common }];
  if (succeeded) list.push({ type: "Succeeded", status: "True", ...common });
  if (failed) list.push({ type: "Failed", status: "True", ...common });
  return list;
}

function withHistory(status: TaskActionStatus, entries: readonly PhaseEntry[]): PhaseEntry[] {
  const isSame = (a: PhaseEntry, b: PhaseEntry): boolean => a.phase === b.phase && a.attempt === b.attempt;
  const known = (status.phaseHistory ?? []).map((old) => {
    const said = entries.find((entry) => isSame(entry, old))?.message;
    // A phase keeps the time at which it began; what is said of it is the latest.
    return said === undefined ? old : { ...old, message: cut(said, maxPhaseMessage) };
  });
  const fresh = entries.filter((entry) => !known.some((old) => isSame(entry, old)));
  const added = fresh.map((entry) =>
    entry.message ? { ...entry, message: cut(entry.message, maxPhaseMessage) } : entry,
  );
  return [...known, ...added].slice(-maxHistory);
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

/** A bound on its time is exceeded: what it did so far is kept, its pod goes next. */
export function exceeding(
  taskAction: TaskAction,
  exceeded: Exceeded,
  phase: Phase,
  entries: readonly PhaseEntry[],
): TaskActionStatus {
  const message = `is being stopped: ${exceeded.message}`;
  return { ...progressed(taskAction, phase, entries, message, exceeded.at), exceeded };
}

/** When the next pod of an action may start, and since when that holds. */
export interface NextStart {
  readonly at: string;
  readonly notBefore: string;
  /** Why, in plain words. */
  readonly message: string;
}

/** The attempt has ended and the next one may start. */
export function retried(
  taskAction: TaskAction,
  record: AttemptRecord,
  entries: readonly PhaseEntry[],
  next: NextStart,
): TaskActionStatus {
  const status = taskAction.status ?? {};
  return {
    attempts: record.attempt + 1,
    systemFailures: 0,
    nodeStops: 0,
    conditions: conditionsFor("QUEUED", "RetryableFailure", next.message, next.at),
    phaseHistory: withHistory(status, entries),
    attemptHistory: withRecord(status, record),
    queuedAt: next.at,
    notBefore: next.notBefore,
  };
}

/** The pod was lost through no fault of the task: the same attempt goes on in a new pod. */
export function relaunched(
  taskAction: TaskAction,
  relaunch: Relaunch,
  entries: readonly PhaseEntry[],
  next: NextStart,
  nodeStop: boolean,
): TaskActionStatus {
  const status = taskAction.status ?? {};
  return {
    attempts: status.attempts ?? 1,
    systemFailures: (status.systemFailures ?? 0) + 1,
    ...(nodeStop ? { nodeStops: (status.nodeStops ?? 0) + 1 } : {}),
    conditions: conditionsFor("QUEUED", "Queued", next.message, next.at),
    phaseHistory: withHistory(status, entries),
    relaunches: [...(status.relaunches ?? []), relaunch].slice(-maxRelaunches),
    queuedAt: next.at,
    notBefore: next.notBefore,
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
      record.error === undefined ? "" : `${record.error.code}: ${record.error.message}`,
      record.endedAt,
    ),
    phaseHistory: withHistory(status, entries),
    attemptHistory: withRecord(status, record),
    ...(record.error === undefined ? {} : { errorState: record.error }),
    ...(record.cacheStatus === undefined ? {} : { cacheStatus: record.cacheStatus }),
  };
}
