/**
 * WatchForUpdates: what there is of a parent's children, a sentinel, then each change. Listening starts before the snapshot is taken: what changes
 * meanwhile comes again, nothing is missed. It never ends with CANCELED, which would hang the parent for ever.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { WatchForUpdatesResponseSchema } from "@homeplane/idl/flyteidl2/actions/actions_service";
import type { ActionIdentifier } from "@homeplane/idl/flyteidl2/common/identifier";
import type { ActionUpdate } from "@homeplane/idl/flyteidl2/workflow/state_service";
import { updateOfChild, updateOfTrace } from "./action-update.ts";
import { type Children, taskActionType } from "./children.ts";
import type { EnqueueOptions } from "./enqueue.ts";
import { converted, resourceName } from "./resource-calls.ts";
import { Updates } from "./updates.ts";

type WatchMessage = MessageInitShape<typeof WatchForUpdatesResponseSchema>;

export interface WatchOptions extends EnqueueOptions {
  /** Aborts when the gateway stops: watches end cleanly then. */
  readonly stopping: AbortSignal;
}

export async function* watchForUpdates(
  options: WatchOptions,
  id: ActionIdentifier | undefined,
  signal: AbortSignal,
): AsyncGenerator<WatchMessage> {
  const { namespace, name } = resourceName(id?.run, id?.name ?? "");
  const stop = AbortSignal.any([signal, options.stopping]);
  if (!(await isSynced(options.children, stop))) return;
  const updates = new Updates<ActionUpdate>(stop);
  const ends: (() => void)[] = [];
  try {
    for await (const message of follow(options, { namespace, name }, updates, ends, stop)) {
      if (stop.aborted) return;
      yield message;
    }
  } catch (error) {
    if (stop.aborted) return;
    throw ConnectError.from(error).code === Code.Canceled ? uncanceled(error) : error;
  } finally {
    for (const end of ends) end();
  }
}

async function* follow(
  { client, children, traces, recoveries }: WatchOptions,
  resource: { namespace: string; name: string },
  updates: Updates<ActionUpdate>,
  ends: (() => void)[],
  stop: AbortSignal,
): AsyncGenerator<WatchMessage> {
  const key = `${resource.namespace}/${resource.name}`;
  const parent =
    children.informer.get(key) ?? (await client.get(taskActionType, resource, { signal: stop }).catch(converted));
  ends.push(children.listen(key, (child) => updates.push(child.spec.actionName, updateOfChild(child))));
  ends.push(traces.listen(parent, (trace) => updates.push(trace.action.actionId?.name ?? "", updateOfTrace(trace))));
  const told = new Told();
  for (const child of children.of(key)) yield* told.news(updateOfChild(child));
  for await (const trace of traces.of(parent)) yield* told.news(updateOfTrace(trace));
  for (const trace of await recoveries.traces(parent)) if (!told.has(trace)) yield* told.news(trace);
  yield {
    message: { case: "controlMessage", value: { $typeName: "flyteidl2.workflow.ControlMessage", sentinel: true } },
  };
  for await (const item of updates) yield* told.news(item);
}

/** False when the gateway stops, or the caller goes, before there is anything to tell. */
async function isSynced(children: Children, stop: AbortSignal): Promise<boolean> {
  const stopped = Promise.withResolvers<boolean>();
  const onAbort = (): void => stopped.resolve(false);
  stop.addEventListener("abort", onAbort);
  if (stop.aborted) onAbort();
  const synced = children.informer.synced.then(
    () => !stop.aborted,
    () => false,
  );
  try {
    return await Promise.race([synced, stopped.promise]);
  } finally {
    stop.removeEventListener("abort", onAbort);
  }
}

/** After UNAVAILABLE the SDK watches again. */
function uncanceled(error: unknown): ConnectError {
  return new ConnectError("the watch was interrupted", Code.Unavailable, undefined, undefined, error);
}

/** What the watcher knows: the same state is told once. What else an update holds comes with a phase that never changes again. */
class Told {
  readonly #states = new Map<string, string>();

  has({ actionId }: ActionUpdate): boolean {
    return this.#states.has(actionId?.name ?? "");
  }

  *news(value: ActionUpdate): Generator<WatchMessage> {
    const name = value.actionId?.name ?? "";
    const state = `${value.phase} ${value.outputUri}`;
    if (this.#states.get(name) === state) return;
    this.#states.set(name, state);
    yield { message: { case: "actionUpdate", value } };
  }
}
