/** Answers without end: watches and logs. */
import { type LinkedAbort, linkedAbort, untilAborted } from "./abort.ts";
import { asKubeError, type Call, type CallContext, DEADLINE_MS, exchange, timeoutOf, withRetries } from "./call.ts";
import { LineSplitter } from "./line-splitter.ts";
import { errorOfStatus } from "./status.ts";
import type { TransportResponse } from "./transport.ts";
import type { KubeObject } from "./meta.ts";

/** ERROR is not among them: it becomes a thrown KubeError. A BOOKMARK's object has only `metadata.resourceVersion`. */
export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";

export interface WatchEvent<T> {
  type: WatchEventType;
  object: T;
}

/**
 * A server sends a bookmark about each minute: a watch that is silent for longer than this is dead. A real one sends none for a kind
 * of which it has seen no event since it started; such a watch is opened anew for nothing, which costs little.
 */
export const SILENCE_MS = 90_000;

const WATCH_EVENT_TYPES: ReadonlySet<string> = new Set(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]);

/** A started answer; `link` ends the request and must be aborted or disposed once. */
interface OpenStream {
  readonly response: TransportResponse;
  readonly link: LinkedAbort;
}

/** Resolves when the answer starts. A watch is tried `once`, as its caller has a loop of its own. */
async function openStream(context: CallContext, call: Call, signal: AbortSignal, once: boolean): Promise<OpenStream> {
  const link = linkedAbort(signal);
  const cancel = context.clock.after(DEADLINE_MS, () => link.abort(timeoutOf(call, DEADLINE_MS)));
  const attempt = (): Promise<TransportResponse> => exchange(context, call, link.signal);
  try {
    return { response: await (once ? attempt() : withRetries(context, call, link.signal, attempt)), link };
  } catch (thrown) {
    link.dispose();
    if (link.signal.aborted) throw link.signal.reason;
    throw asKubeError(thrown, call);
  } finally {
    cancel();
  }
}

/** The bytes of an answer; a KubeError (Timeout) when none come for `silenceMs`. Ending the iteration ends the request. */
async function* bytes(
  context: CallContext,
  call: Call,
  { response, link }: OpenStream,
  silenceMs: number | undefined,
): AsyncGenerator<Uint8Array> {
  const iterator = response.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const cancel =
        silenceMs === undefined
          ? undefined
          : context.clock.after(silenceMs, () => link.abort(timeoutOf(call, silenceMs)));
      const next = await untilAborted(iterator.next(), link.signal).finally(() => cancel?.());
      if (next.done === true) return;
      yield next.value;
    }
  } catch (thrown) {
    if (link.signal.aborted) throw link.signal.reason;
    throw asKubeError(thrown, call);
  } finally {
    // Harmless after the end of the body; before it, this is what frees the connection.
    link.abort(new DOMException("the stream is no longer read", "AbortError"));
    link.dispose();
  }
}

export async function openBytes(
  context: CallContext,
  call: Call,
  signal: AbortSignal,
  silenceMs: number | undefined,
): Promise<AsyncGenerator<Uint8Array>> {
  return bytes(context, call, await openStream(context, call, signal, false), silenceMs);
}

/** Rejects when the server refuses the watch; the events follow in the order of the server. */
export async function openEvents<T extends KubeObject>(
  context: CallContext,
  call: Call,
  signal: AbortSignal,
): Promise<AsyncGenerator<WatchEvent<T>>> {
  return events<T>(call, bytes(context, call, await openStream(context, call, signal, true), SILENCE_MS));
}

async function* events<T extends KubeObject>(
  call: Call,
  source: AsyncGenerator<Uint8Array>,
): AsyncGenerator<WatchEvent<T>> {
  const splitter = new LineSplitter();
  for await (const chunk of source) {
    for (const line of cut(splitter, chunk, call)) if (line !== "") yield parseEvent<T>(line, call);
  }
  const rest = splitter.rest();
  if (rest !== "") yield parseEvent<T>(rest, call);
}

function cut(splitter: LineSplitter, chunk: Uint8Array, call: Call): string[] {
  try {
    return splitter.push(chunk);
  } catch (thrown) {
    throw asKubeError(thrown, call);
  }
}

function parseEvent<T>(line: string, call: Call): WatchEvent<T> {
  let event: { type: string; object: unknown };
  try {
    event = JSON.parse(line) as typeof event;
  } catch (thrown) {
    throw asKubeError(thrown, call);
  }
  if (event?.type === "ERROR") throw errorOfStatus(event.object, 500);
  if (!WATCH_EVENT_TYPES.has(event?.type) || !hasMetadata(event.object)) {
    throw asKubeError(new Error(`no watch event: ${line.slice(0, 200)}`), call);
  }
  return event as WatchEvent<T>;
}

const hasMetadata = (object: unknown): boolean =>
  typeof object === "object" &&
  object !== null &&
  "metadata" in object &&
  typeof object.metadata === "object" &&
  object.metadata !== null;
