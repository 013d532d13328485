import type { ActionReport } from "./action-report.ts";

const maxBatch = 400;

/** What one action has to tell. */
export interface Item {
  readonly report: ActionReport;
  readonly events: ActionReport["events"];
}

/** Whole actions together, at most `maxBatch` events unless one action has more. */
export function* batches(items: readonly Item[]): Generator<Item[]> {
  let batch: Item[] = [];
  let size = 0;
  for (const item of items) {
    if (size > 0 && size + item.events.length > maxBatch) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(item);
    size += item.events.length;
  }
  if (batch.length > 0) yield batch;
}
