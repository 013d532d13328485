/** What keeps a container from being made before it has a reason in its status: the kubelet says it in events on the pod alone. */
import { type Event, events, KubeError } from "@homeplane/kube";
import type { PodView, StartProblem } from "../pod/observe.ts";
import type { Deps } from "./deps.ts";
import { isMissing } from "./start-problem.ts";

/** Most pods start sooner: their events are of no interest. */
export const quietMs = 10_000;
export const longestLookMs = 60_000;
const maxEvents = 50;

/** `undefined` also where events are not to be had: they are help, no more. */
export async function startEvent(
  { client, log }: Pick<Deps, "client" | "log">,
  { namespace, uid, name }: PodView,
  signal: AbortSignal,
): Promise<StartProblem | undefined> {
  const fieldSelector = `involvedObject.uid=${uid}`;
  try {
    for await (const { items } of client.listPages(events, { namespace, fieldSelector, limit: maxEvents, signal }))
      return problemIn(items);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    log.debug({ event: "executor.events_unread", namespace, pod: name, error: error.message });
  }
  return undefined;
}

/** The kubelet goes on once it has what it wants: what came before its last good word is over. */
export function problemIn(items: readonly Event[]): StartProblem | undefined {
  const good = Math.max(0, ...items.filter(({ type }) => type === "Normal").map(timeOf));
  const warnings = items
    // In whole seconds: what is of the same one may have come before the good word.
    .filter((event) => event.type === "Warning" && timeOf(event) > good)
    .toSorted((a, b) => timeOf(b) - timeOf(a))
    .map(({ reason = "", message = "" }) => ({ reason, message }));
  // A general word ("timed out waiting for ...") comes after the one that says what lacks.
  return warnings.find(isMissing) ?? warnings[0];
}

function timeOf({ lastTimestamp, series, eventTime, firstTimestamp }: Event): number {
  const time = Date.parse(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? "");
  return Number.isNaN(time) ? 0 : time;
}
