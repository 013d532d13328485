import type { DatabaseSync } from "node:sqlite";
import type { Project, ProjectQuery, ProjectStore } from "./port.ts";

type Row = { id: string; name: string; description: string; labels: string; archived: number };

const fromRow = (row: Row): Project => ({
  ...row,
  labels: JSON.parse(row.labels) as Record<string, string>,
  archived: row.archived === 1,
});

function listSql({ archived, id, name, sort, ascending, limit, offset }: ProjectQuery) {
  const parts: { sql: string; arg: string | number }[] = [];
  if (archived !== undefined) parts.push({ sql: "archived = ?", arg: archived ? 1 : 0 });
  if (id !== undefined) parts.push({ sql: "id = ?", arg: id });
  if (name !== undefined) parts.push({ sql: "name = ?", arg: name });
  const where = parts.length === 0 ? "1" : parts.map((part) => part.sql).join(" AND ");
  const direction = ascending ? "ASC" : "DESC";
  // Rows are numbered in the order in which they were made.
  const order = sort === "created_at" ? `rowid ${direction}` : `${sort} ${direction}, rowid`;
  return {
    sql: `SELECT id, name, description, labels, archived FROM projects WHERE ${where} ORDER BY ${order} LIMIT ? OFFSET ?`,
    args: [...parts.map((part) => part.arg), limit + 1, offset],
  };
}

export function sqliteProjects(db: DatabaseSync): ProjectStore {
  const insert = db.prepare("INSERT INTO projects VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  const update = db.prepare("UPDATE projects SET name = ?, description = ?, labels = ?, archived = ? WHERE id = ?");
  const get = db.prepare("SELECT * FROM projects WHERE id = ?");
  return {
    create: async ({ id, name, description, labels, archived }) =>
      insert.run(id, name, description, JSON.stringify(labels), archived ? 1 : 0).changes === 1,
    update: async ({ id, name, description, labels, archived }) =>
      update.run(name, description, JSON.stringify(labels), archived ? 1 : 0, id).changes === 1,
    get: async (id) => {
      const row = get.get(id) as Row | undefined;
      return row === undefined ? undefined : fromRow(row);
    },
    list: async (query) => {
      const { sql, args } = listSql(query);
      return (db.prepare(sql).all(...args) as Row[]).map(fromRow);
    },
  };
}
