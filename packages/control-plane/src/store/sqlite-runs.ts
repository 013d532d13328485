import type { DatabaseSync } from "node:sqlite";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import type { RunKey, RunRow, RunStore } from "./port.ts";
import { insertAction } from "./sqlite-actions.ts";
import { insertOrder } from "./sqlite-orders.ts";
import { transaction } from "./transaction.ts";

type Row = RunKey & { created_at: number; labels: string; source: RunRow["source"]; spec: Uint8Array };

const fromRow = (row: Row): RunRow => ({
  project: row.project,
  domain: row.domain,
  run: row.run,
  createdAt: row.created_at,
  labels: JSON.parse(row.labels) as Record<string, string>,
  source: row.source,
  spec: fromBinary(RunSpecSchema, row.spec),
});

export function sqliteRuns(db: DatabaseSync): RunStore {
  const byRequest = db.prepare("SELECT project, domain, run FROM runs WHERE request_id = ?");
  const insert = db.prepare("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  const get = db.prepare("SELECT * FROM runs WHERE project = ? AND domain = ? AND run = ?");
  return {
    create: async (run, root, order, requestId) =>
      transaction(db, () => {
        const earlier = byRequest.get(requestId) as RunKey | undefined;
        if (earlier !== undefined) return earlier;
        const { project, domain } = run;
        const spec = toBinary(RunSpecSchema, run.spec);
        const args = [project, domain, run.run, run.createdAt, JSON.stringify(run.labels), run.source, spec, requestId];
        if (insert.run(...args).changes === 0) return "exists";
        insertAction(db, root);
        insertOrder(db, order);
        return { project, domain, run: run.run };
      }),
    get: async ({ project, domain, run }) => {
      const row = get.get(project, domain, run) as Row | undefined;
      return row === undefined ? undefined : fromRow(row);
    },
    byRequestId: async (requestId) => byRequest.get(requestId) as RunKey | undefined,
  };
}
