/**
 * Traces: steps within a task that are recorded, not run. Each is one object beside its parent's data, written before Enqueue is acknowledged;
 * a retried parent gets them back, also those of an attempt that was lost. `TraceReports` tells them outward.
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { TaskAction } from "@homeplane/idl";
import { type Action, ActionSchema } from "@homeplane/idl/flyteidl2/actions/actions_service";
import type { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { type RecordedTrace, withError } from "./trace-error.ts";

/** Traces of one parent that one watch replays. */
const maxReplayed = 50_000;
/** Objects read at once. */
const readsAtOnce = 16;

export interface TraceStoreOptions {
  readonly objects: Client<typeof ObjectStoreService>;
  readonly reports: {
    /** Resolves when a crash can no longer make the report be forgotten. */
    claim(parent: TaskAction): Promise<void>;
    add(parent: TaskAction, trace: RecordedTrace): void;
  };
}

export class Traces {
  readonly #options: TraceStoreOptions;
  readonly #listeners = new Map<string, Set<(trace: RecordedTrace) => void>>();

  constructor(options: TraceStoreOptions) {
    this.#options = options;
  }

  /** Resolves when the trace is stored. */
  async record(parent: TaskAction, action: Action): Promise<void> {
    const { objects, reports } = this.#options;
    const trace = await withError(objects, parent.spec.runOutputBase ?? "", action);
    await reports.claim(parent);
    const content = toBinary(ActionSchema, action);
    await objects.putObject({ nativeUrl: `${folder(parent)}/${action.actionId?.name}.pb`, content });
    for (const listener of this.#listeners.get(folder(parent)) ?? []) listener(trace);
    reports.add(parent, trace);
  }

  of(parent: TaskAction): AsyncGenerator<RecordedTrace> {
    return storedTraces(this.#options.objects, parent);
  }

  listen(parent: TaskAction, listener: (trace: RecordedTrace) => void): () => void {
    const key = folder(parent);
    const set = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, set.add(listener));
    return () => {
      set.delete(listener);
      if (set.size === 0) this.#listeners.delete(key);
    };
  }
}

/** All that are stored of a parent. */
export async function* storedTraces(
  objects: Client<typeof ObjectStoreService>,
  parent: TaskAction,
): AsyncGenerator<RecordedTrace> {
  const base = parent.spec.runOutputBase ?? "";
  const read = async (nativeUrl: string): Promise<RecordedTrace> => {
    const { content } = await objects.getObject({ nativeUrl });
    return withError(objects, base, fromBinary(ActionSchema, content));
  };
  let token = "";
  let count = 0;
  do {
    const page = await objects.listObjects({ nativeUrlPrefix: folder(parent), token });
    count += page.nativeUrls.length;
    if (count > maxReplayed) {
      throw new ConnectError(
        `action ${parent.spec.actionName} has more than ${maxReplayed} traces`,
        Code.ResourceExhausted,
      );
    }
    for (let start = 0; start < page.nativeUrls.length; start += readsAtOnce)
      yield* await Promise.all(page.nativeUrls.slice(start, start + readsAtOnce).map(read));
    token = page.token;
  } while (token !== "");
}

function folder({ spec }: TaskAction): string {
  return `${spec.runOutputBase ?? ""}/${spec.actionName}/traces`;
}
