import type { DatabaseSync } from "node:sqlite";

/** Runs `body` in a transaction, or in a part of the one that is under way: all of it or nothing. */
export function transaction<T>(db: DatabaseSync, body: () => T): T {
  if (db.isTransaction) return savepoint(db, body);
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = body();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // A full disk ends the transaction by itself.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function savepoint<T>(db: DatabaseSync, body: () => T): T {
  db.exec("SAVEPOINT part");
  try {
    const result = body();
    db.exec("RELEASE part");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK TO part; RELEASE part");
    throw error;
  }
}
