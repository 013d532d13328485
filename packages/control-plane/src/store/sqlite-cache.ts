import type { DatabaseSync } from "node:sqlite";
import type { CacheEntry, CacheKey, CacheStore, Reservation } from "./port.ts";
import { transaction } from "./transaction.ts";

type EntryRow = { output_uri: string; metadata: Uint8Array; created_at: number; updated_at: number };
type ReservationRow = { owner: string; heartbeat_ms: number; expires_at: number };

const fromEntry = (row: EntryRow): CacheEntry => ({
  outputUri: row.output_uri,
  metadata: row.metadata,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

const fromReservation = (row: ReservationRow): Reservation => ({
  owner: row.owner,
  heartbeatMs: row.heartbeat_ms,
  expiresAt: row.expires_at,
});

export function sqliteCache(db: DatabaseSync): CacheStore {
  const where = "project = ? AND domain = ? AND key = ?";
  const get = db.prepare(`SELECT * FROM cache_entries WHERE ${where}`);
  const insert = db.prepare("INSERT INTO cache_entries VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  const replace = db.prepare(
    `INSERT INTO cache_entries VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
      SET output_uri = excluded.output_uri, metadata = excluded.metadata, updated_at = excluded.updated_at`,
  );
  const remove = db.prepare(`DELETE FROM cache_entries WHERE ${where}`);
  const holder = db.prepare(`SELECT * FROM cache_reservations WHERE ${where}`);
  const reserve = db.prepare(
    `INSERT INTO cache_reservations VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
      SET owner = excluded.owner, heartbeat_ms = excluded.heartbeat_ms, expires_at = excluded.expires_at`,
  );
  const release = db.prepare(`DELETE FROM cache_reservations WHERE ${where} AND owner = ?`);
  const expire = db.prepare("DELETE FROM cache_reservations WHERE expires_at <= ?");
  const of = ({ project, domain, key }: CacheKey) => [project, domain, key] as const;
  return {
    get: async (key) => {
      const row = get.get(...of(key)) as EntryRow | undefined;
      return row === undefined ? undefined : fromEntry(row);
    },
    put: async (key, { outputUri, metadata, at }, overwrite) =>
      (overwrite ? replace : insert).run(...of(key), outputUri, metadata, at, at).changes === 1,
    delete: async (key) => {
      remove.run(...of(key));
    },
    reserve: async (key, wanted, now) =>
      transaction(db, () => {
        // Nobody asks for those of dead holders again: they go with the next one.
        expire.run(now);
        const held = holder.get(...of(key)) as ReservationRow | undefined;
        if (held !== undefined && held.owner !== wanted.owner) return fromReservation(held);
        reserve.run(...of(key), wanted.owner, wanted.heartbeatMs, wanted.expiresAt);
        return wanted;
      }),
    release: async (key, owner) => {
      release.run(...of(key), owner);
    },
  };
}
