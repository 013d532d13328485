import type { KubeClient } from "./client.ts";
import type { Selection } from "./client-options.ts";
import { linkedAbort } from "./abort.ts";
import type { KubeObject, ResourceType } from "./meta.ts";
import type { WatchEvent } from "./stream.ts";

/** How a watch ended: by the server's own choice, or with an error. */
export type SessionEnd = { readonly error: unknown } | { readonly error?: undefined };

/** One watch, read until it ends or is closed. */
export interface WatchSession {
  readonly startedAt: number;
  /** Whether anything came: only then has the server shown itself to be well. */
  delivered(): boolean;
  readonly ended: Promise<SessionEnd>;
  readonly hasEnded: () => boolean;
  /** No event is applied after this. */
  close(): Promise<void>;
}

/** Resolves when the server has taken the watch. */
export async function openSession<T extends KubeObject>(options: {
  client: KubeClient;
  type: ResourceType<T>;
  selection: Selection;
  resourceVersion: string | undefined;
  timeoutSeconds: number;
  now: number;
  signal: AbortSignal;
  apply: (event: WatchEvent<T>) => void;
}): Promise<WatchSession> {
  const { client, type, selection, resourceVersion, timeoutSeconds, now, signal, apply } = options;
  const link = linkedAbort(signal);
  const watch = { ...selection, timeoutSeconds, signal: link.signal };
  let delivered = false;
  let hasEnded = false;
  const stream = await client
    .openWatch(type, resourceVersion === undefined ? watch : { ...watch, resourceVersion })
    .catch((error: unknown) => {
      link.dispose();
      throw error;
    });
  const read = async (): Promise<SessionEnd> => {
    try {
      for await (const event of stream) {
        if (link.signal.aborted) break;
        delivered = true;
        apply(event);
      }
      return {};
    } catch (error) {
      return { error };
    } finally {
      hasEnded = true;
      link.dispose();
    }
  };
  const ended = read();
  return {
    startedAt: now,
    delivered: () => delivered,
    ended,
    hasEnded: () => hasEnded,
    close: async () => {
      link.abort(new DOMException("the watch is replaced", "AbortError"));
      await ended;
    },
  };
}
