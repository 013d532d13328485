import { type KubeObject, parseObject } from "../store/object.ts";
import { type Change, ExpiredError, type StoreWatch } from "../store/store.ts";
import { ApiError, expired } from "./api-error.ts";
import type { Call } from "./context.ts";
import { type ApiResponse, booleanParam, integerParam, parseAccept, type Shape } from "./request.ts";
import { apiVersionOf, resourceKey } from "./resource-type.ts";
import { JSON_TYPE, streamResponse } from "./response.ts";
import { matchOf, MAX_REVISION, readPage, type Start } from "./reads.ts";
import type { Match } from "./selectors.ts";
import { partialObject, table } from "./table.ts";
import { inVersion, tableOptions } from "./view.ts";

const BOOKMARK_MS = 60_000;
/** As kube-apiserver's --min-request-timeout: a watch without a timeout of its own ends after 30 to 60 minutes. */
const DEFAULT_TIMEOUT_MS = 1_800_000;
const MAX_TIMEOUT_S = 86_400;
const PAGE = 500;

const encoder = new TextEncoder();

/** `previous` is an object's last state that was selected; a client is told that the object left, at the revision of the change. */
function leaving(change: Change): string {
  const object: KubeObject = parseObject(change.previous?.json ?? change.json);
  object.metadata.resourceVersion = String(change.revision);
  return JSON.stringify(object);
}

/** What a watch with this selection says about a change: nothing, or type and object. */
function seenAs(change: Change, match: Match | undefined): { type: string; json: string } | undefined {
  if (match === undefined) return { type: change.type, json: change.json };
  const is = match(change.selectable);
  // Without `previous` selectors saw no difference: it was selected exactly when it is now.
  const was = change.previous === undefined ? is : match(change.previous.selectable);
  if (change.type !== "MODIFIED") return is ? { type: change.type, json: change.json } : undefined;
  if (is) return { type: was ? "MODIFIED" : "ADDED", json: change.json };
  return was ? { type: "DELETED", json: leaving(change) } : undefined;
}

function shaped(call: Call, shape: Shape, json: string): string {
  const shown = inVersion(json, call.type);
  if (shape.as === "object") return shown;
  const object = parseObject(shown);
  if (shape.as === "metadata") return JSON.stringify(partialObject(object, shape.version));
  const meta = { resourceVersion: object.metadata.resourceVersion };
  return JSON.stringify(table(call.type, [shown], meta, tableOptions(call, shape.version)));
}

function bookmark(call: Call, shape: Shape, revision: number): string {
  const { type } = call;
  const metadata = { resourceVersion: String(revision), creationTimestamp: null };
  const object: KubeObject = { apiVersion: apiVersionOf(type), kind: type.kind, metadata };
  const body =
    shape.as === "table"
      ? table(type, [], { resourceVersion: String(revision) }, tableOptions(call, shape.version))
      : shape.as === "metadata"
        ? partialObject(object, shape.version)
        : object;
  return `{"type":"BOOKMARK","object":${JSON.stringify(body)}}\n`;
}

/** The current state as ADDED events; for objects written while it was read, `skip` remembers how new the sent state is. */
async function* initialState(
  call: Call,
  shape: Shape,
  match: Match | undefined,
  skip: Map<string, number>,
): AsyncGenerator<Uint8Array, number> {
  let after: Start | undefined;
  let revision: number | undefined;
  do {
    const page = await readPage(call, match, after, PAGE);
    revision ??= page.revision;
    for (const item of page.items)
      if (item.revision > revision) skip.set(`${item.namespace}/${item.name}`, item.revision);
    const text = page.items.map((item) => `{"type":"ADDED","object":${shaped(call, shape, item.json)}}\n`).join("");
    if (text !== "") yield encoder.encode(text);
    after = page.after;
  } while (after !== undefined);
  return revision;
}

async function* events(call: Call, shape: Shape, from: number): AsyncGenerator<Uint8Array> {
  const { store, clock } = call.context;
  const { signal } = call.request;
  const match = matchOf(call);
  const skip = new Map<string, number>();
  const scope = call.path.namespace === "" ? {} : { namespace: call.path.namespace };
  const timeout = timeoutMs(call);
  const bookmarks = booleanParam(call.query, "allowWatchBookmarks");
  const state = { ended: signal?.aborted === true, bookmarkDue: false };
  let watch: StoreWatch | undefined;
  const end = (): void => {
    state.ended = true;
    watch?.poke();
  };
  const cancels = [clock.after(timeout, end)];
  const armBookmark = (): void => {
    cancels[1] = clock.after(BOOKMARK_MS, () => {
      state.bookmarkDue = true;
      watch?.poke();
    });
  };
  signal?.addEventListener("abort", end, { once: true });
  try {
    const after = from === 0 ? yield* initialState(call, shape, match, skip) : from;
    watch = store.watch({ resource: resourceKey(call.type), ...scope, after });
    if (bookmarks) armBookmark();
    while (!state.ended) {
      const lines: string[] = [];
      for (const change of await watch.next()) {
        if (change.revision <= (skip.get(`${change.namespace}/${change.name}`) ?? 0)) continue;
        const seen = seenAs(change, match);
        if (seen !== undefined) lines.push(`{"type":"${seen.type}","object":${shaped(call, shape, seen.json)}}\n`);
      }
      if (state.bookmarkDue || (state.ended && bookmarks && signal?.aborted !== true)) {
        lines.push(bookmark(call, shape, watch.position));
        if (state.bookmarkDue) armBookmark();
        state.bookmarkDue = false;
      }
      if (lines.length > 0) yield encoder.encode(lines.join(""));
    }
  } catch (error) {
    if (!(error instanceof ExpiredError)) throw error;
    yield encoder.encode(`${JSON.stringify({ type: "ERROR", object: expired(error.message).toStatus() })}\n`);
  } finally {
    for (const cancel of cancels) cancel();
    signal?.removeEventListener("abort", end);
    watch?.close();
  }
}

function timeoutMs(call: Call): number {
  const seconds = integerParam(call.query, "timeoutSeconds", MAX_TIMEOUT_S);
  if (seconds !== undefined && seconds > 0) return seconds * 1000;
  return Math.round(DEFAULT_TIMEOUT_MS * (1 + call.context.random()));
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes */
export function watch(call: Call): ApiResponse {
  if (call.query.has("sendInitialEvents")) {
    const message =
      "sendInitialEvents is forbidden for watch: this server has no streaming lists; list first, then watch";
    throw new ApiError(422, "Invalid", message, {
      causes: [{ reason: "FieldValueForbidden", message, field: "sendInitialEvents" }],
    });
  }
  const shape = parseAccept(call.request.headers.accept);
  const from = integerParam(call.query, "resourceVersion", MAX_REVISION) ?? 0;
  const { revision } = call.context.store;
  matchOf(call);
  timeoutMs(call);
  if (from > revision)
    throw expired(
      `The resourceVersion ${from} is newer than this server's ${revision}: it comes from another store. List again.`,
    );
  return streamResponse(`${JSON_TYPE};stream=watch`, events(call, shape, from));
}
