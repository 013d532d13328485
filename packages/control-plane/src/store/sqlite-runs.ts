import type { DatabaseSync } from "node:sqlite";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import type { RunKey, RunRow, RunStore } from "./port.ts";
import { insertAction } from "./sqlite-actions.ts";
import { insertOrder } from "./sqlite-orders.ts";
import { applyFiring } from "./sqlite-triggers.ts";
import { transaction } from "./transaction.ts";

type Row = RunKey & {
  created_at: number;
  labels: string;
  source: RunRow["source"];
  spec: Uint8Array;
  trigger_name: string;
};

const fromRow = (row: Row): RunRow => ({
  project: row.project,
  domain: row.domain,
  run: row.run,
  createdAt: row.created_at,
  labels: JSON.parse(row.labels) as Record<string, string>,
  source: row.source,
  spec: fromBinary(RunSpecSchema, row.spec),
  triggerName: row.trigger_name,
});

export function sqliteRuns(db: DatabaseSync): RunStore {
  const byRequest = db.prepare("SELECT project, domain, run FROM runs WHERE request_id = ?");
  const insert =
    db.prepare(`INSERT INTO runs (project, domain, run, created_at, labels, source, spec, request_id, trigger_name)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const get = db.prepare("SELECT * FROM runs WHERE project = ? AND domain = ? AND run = ?");
  return {
    create: async (run, root, order, requestId, firing) =>
      transaction(db, () => {
        const earlier = byRequest.get(requestId) as RunKey | undefined;
        if (earlier !== undefined) return earlier;
        const { project, domain } = run;
        if (get.get(project, domain, run.run) !== undefined) return "exists";
        if (firing !== undefined && !applyFiring(db, firing)) return "stale";
        const spec = toBinary(RunSpecSchema, run.spec);
        const id = [project, domain, run.run, run.createdAt] as const;
        const rest = [JSON.stringify(run.labels), run.source, spec, requestId, run.triggerName] as const;
        insert.run(...id, ...rest);
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
