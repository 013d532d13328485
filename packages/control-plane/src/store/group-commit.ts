/**
 * With synchronous=FULL each commit waits for the disk, and everybody with it. Here the writes that come within one turn of the event loop share a
 * transaction and its one wait; none is told that it is stored before the commit has returned. Each of them still is all or nothing by itself.
 */
import type { DatabaseSync } from "node:sqlite";
import type { Store } from "./port.ts";

type Groups = Omit<Store, "close">;
type Method = (...args: unknown[]) => Promise<unknown>;

const writes = {
  projects: ["create", "update"],
  tasks: ["create"],
  runs: ["create"],
  actions: ["create", "update"],
  orders: ["append", "acknowledge"],
  triggers: ["edit", "advance"],
  cache: ["put", "delete", "reserve", "release"],
  settings: ["put"],
} as const satisfies { [G in keyof Groups]: readonly (keyof Groups[G])[] };

interface Waiting {
  readonly run: () => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** So long a transaction holds up readers for a moment, not more. */
const maxGroup = 500;

export function withGroupCommit(db: DatabaseSync, groups: Groups): Groups {
  let waiting: Waiting[] = [];
  const commitGroup = (): void => {
    const group = waiting.slice(0, maxGroup);
    waiting = waiting.slice(maxGroup);
    if (waiting.length > 0) setImmediate(commitGroup);
    commit(db, group);
  };
  const queued = (call: Method): Method => {
    return (...args) =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(commitGroup);
        waiting.push({ run: () => call(...args), resolve, reject });
      });
  };
  const grouped = Object.entries(groups).map(([name, group]) => {
    const own: ReadonlySet<string> = new Set(writes[name as keyof Groups]);
    const methods = Object.entries(group as object as Record<string, Method>);
    return [name, Object.fromEntries(methods.map(([method, call]) => [method, own.has(method) ? queued(call) : call]))];
  });
  return Object.fromEntries(grouped) as Groups;
}

/** Synchronous from begin to commit: no reader sees what is not stored yet. */
function commit(db: DatabaseSync, group: readonly Waiting[]): void {
  const done: { readonly one: Waiting; readonly result: Promise<unknown> }[] = [];
  try {
    db.exec("BEGIN IMMEDIATE");
  } catch (error) {
    // Locked by another process: it has waited, each by itself would wait again.
    for (const one of group) one.reject(error);
    return;
  }
  try {
    for (const one of group) {
      // The driver's methods do all of their work before they return their promise.
      done.push({ one, result: one.run() });
      if (!db.isTransaction) throw new Error("the transaction of a group of writes has ended by itself");
    }
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    for (const { result } of done) result.catch(() => undefined);
    const [only] = group;
    if (group.length === 1 && only !== undefined)
      // Its own error says why.
      void (done[0]?.result ?? Promise.resolve()).then(
        () => only.reject(error),
        (own: unknown) => only.reject(own),
      );
    // One write that the disk has no room for must not take the others with it: each by itself, the culprit alone fails.
    else for (const one of group) commit(db, [one]);
    return;
  }
  for (const { one, result } of done) result.then(one.resolve, one.reject);
}
