import type { DatabaseSync } from "node:sqlite";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Order, OrderSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import type { OrderStore } from "./port.ts";
import { transaction } from "./transaction.ts";

type Row = { sequence: number; body: Uint8Array };

const fromRow = (row: Row): Order => ({ ...fromBinary(OrderSchema, row.body), sequence: BigInt(row.sequence) });

export function insertOrder(db: DatabaseSync, order: Order): void {
  db.prepare("INSERT INTO orders (body) VALUES (?)").run(toBinary(OrderSchema, order));
}

export function sqliteOrders(db: DatabaseSync): OrderStore {
  const pending = db.prepare(
    "SELECT sequence, body FROM orders WHERE acknowledged = 0 AND sequence > ? ORDER BY sequence LIMIT ?",
  );
  const get = db.prepare("SELECT sequence, body FROM orders WHERE sequence = ?");
  // What the data plane has stored is kept here no longer: the table would only grow.
  const acknowledge = db.prepare("DELETE FROM orders WHERE sequence = ?");
  return {
    append: async (order) => insertOrder(db, order),
    pending: async (after, limit) => (pending.all(after, limit) as Row[]).map(fromRow),
    get: async (sequence) => {
      const row = get.get(sequence) as Row | undefined;
      return row === undefined ? undefined : fromRow(row);
    },
    acknowledge: async (sequences) =>
      transaction(db, () => {
        for (const sequence of sequences) acknowledge.run(sequence);
      }),
  };
}
