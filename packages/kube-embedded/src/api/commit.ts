import type { KubeObject } from "../store/object.ts";
import type { Change, ObjectKey, Write } from "../store/store.ts";
import { tooLarge, MAX_OBJECT_BYTES } from "./body.ts";
import type { Call } from "./context.ts";
import { selectableOf } from "./registry.ts";

/** Another writer was faster; the operation is computed again from the newer state. */
class Raced extends Error {
  override readonly name = "Raced";
}

/** More rounds than this of losing to other writers, within one process, would be a bug: it ends as a 409. */
const MAX_ROUNDS = 10;

export async function retryRaces<T>(attempt: () => Promise<T>, giveUp: () => Error): Promise<T> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Raced)) throw error;
    }
  }
  throw giveUp();
}

function isDryRun(call: Call): boolean {
  return call.query.getAll("dryRun").includes("All");
}

/** Writes one object and returns its stored text. Throws {@link Raced} when an expectation no longer holds. */
export async function commitOne(
  call: Call,
  op: "put" | "delete",
  key: ObjectKey,
  expected: number,
  object: KubeObject,
  checks: readonly Write[] = [],
): Promise<string> {
  const bytes = JSON.stringify(object);
  if (op === "put" && bytes.length > MAX_OBJECT_BYTES / 4 && Buffer.byteLength(bytes) > MAX_OBJECT_BYTES)
    throw tooLarge();
  if (isDryRun(call)) return bytes;
  const selectable = selectableOf(call.type, object);
  const result = await call.context.store.commit([...checks, { op, key, expected, object, selectable }]);
  if (!result.ok) throw new Raced(`${result.conflict.resource} ${result.conflict.namespace}/${result.conflict.name}`);
  return (
    result.changes.find((change: Change) => change.name === key.name && change.resource === key.resource)?.json ?? bytes
  );
}
