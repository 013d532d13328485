import { type Change, ExpiredError, type StoreWatch, type WatchQuery } from "./store.ts";

/** A watcher that has fallen this far behind is ended with 410 and lists again, as against a real API server. */
const MAX_QUEUED_CHANGES = 4096;

export interface History {
  readonly revision: number;
  readonly compacted: number;
  /** At most `limit` changes after `revision` that match, in order. */
  read(query: WatchQuery, after: number, limit: number): readonly Change[];
}

/** Fan-out of commits to watches. Queues hold references to changes that all watchers share. */
export class WatchHub {
  readonly #watches = new Set<HubWatch>();

  publish(changes: readonly Change[]): void {
    for (const watch of this.#watches) watch.offer(changes);
  }

  open(query: WatchQuery, history: History): StoreWatch {
    return new HubWatch(query, history, this.#watches);
  }

  closeAll(): void {
    for (const watch of this.#watches) watch.close();
  }
}

const HISTORY_PAGE = 128;

/** First reads the log in pages; joins the live fan-out in the same turn in which it read the log's end, so nothing falls between. */
class HubWatch implements StoreWatch {
  readonly #query: WatchQuery;
  readonly #history: History;
  readonly #live: Set<HubWatch>;
  #position: number;
  #state: "history" | "live" | "overflowed" | "closed" = "history";
  #queue: Change[] = [];
  #poked = false;
  #wake: (() => void) | undefined;

  constructor(query: WatchQuery, history: History, live: Set<HubWatch>) {
    this.#query = query;
    this.#history = history;
    this.#live = live;
    this.#position = query.after;
  }

  get position(): number {
    return this.#position;
  }

  offer(changes: readonly Change[]): void {
    const { resource, namespace } = this.#query;
    for (const change of changes) {
      if (resource !== undefined && change.resource !== resource) continue;
      if (namespace !== undefined && change.namespace !== namespace) continue;
      this.#queue.push(change);
    }
    if (this.#queue.length > MAX_QUEUED_CHANGES) {
      this.#queue = [];
      this.#state = "overflowed";
      this.#live.delete(this);
    }
    if (this.#queue.length > 0 || this.#state === "overflowed") this.#wake?.();
  }

  async next(): Promise<readonly Change[]> {
    for (;;) {
      if (this.#state === "history") {
        const page = this.#readHistory();
        if (page.length > 0) return page;
      }
      if (this.#state === "overflowed")
        throw new ExpiredError(`the watch fell more than ${MAX_QUEUED_CHANGES} changes behind`);
      const batch = this.#queue;
      if (this.#state === "live") this.#position = this.#history.revision;
      if (batch.length > 0 || this.#poked || this.#state === "closed") {
        this.#queue = [];
        this.#poked = false;
        return batch;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  #readHistory(): readonly Change[] {
    const { revision, compacted } = this.#history;
    if (this.#position < compacted)
      throw new ExpiredError(`too old resource version: ${this.#position} (${compacted})`);
    const page = this.#history.read(this.#query, this.#position, HISTORY_PAGE);
    const last = page.at(-1);
    if (last !== undefined && page.length === HISTORY_PAGE) {
      this.#position = last.revision;
      return page;
    }
    this.#position = Math.max(revision, this.#position);
    this.#state = "live";
    this.#live.add(this);
    return page;
  }

  poke(): void {
    this.#poked = true;
    this.#wake?.();
  }

  close(): void {
    this.#state = "closed";
    this.#live.delete(this);
    this.#queue = [];
    this.#wake?.();
  }
}
