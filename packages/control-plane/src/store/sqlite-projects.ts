import type { DatabaseSync } from "node:sqlite";
import type { Project, ProjectStore } from "./port.ts";

type Row = { id: string; name: string; description: string; labels: string; archived: number };

const fromRow = (row: Row): Project => ({
  ...row,
  labels: JSON.parse(row.labels) as Record<string, string>,
  archived: row.archived === 1,
});

export function sqliteProjects(db: DatabaseSync): ProjectStore {
  const insert = db.prepare("INSERT INTO projects VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  const update = db.prepare("UPDATE projects SET name = ?, description = ?, labels = ?, archived = ? WHERE id = ?");
  const get = db.prepare("SELECT * FROM projects WHERE id = ?");
  const list = db.prepare("SELECT * FROM projects WHERE id > ? ORDER BY id LIMIT ?");
  return {
    create: async ({ id, name, description, labels, archived }) =>
      insert.run(id, name, description, JSON.stringify(labels), archived ? 1 : 0).changes === 1,
    update: async ({ id, name, description, labels, archived }) =>
      update.run(name, description, JSON.stringify(labels), archived ? 1 : 0, id).changes === 1,
    get: async (id) => {
      const row = get.get(id) as Row | undefined;
      return row === undefined ? undefined : fromRow(row);
    },
    list: async ({ limit, after }) => (list.all(after, limit) as Row[]).map(fromRow),
  };
}
