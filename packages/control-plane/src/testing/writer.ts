/** A process that makes runs until it is killed. Arguments: the database's path. Prints a line when its first run is stored. */
import { create } from "@bufbuild/protobuf";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import { RunSource } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { OrderSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import { newActionDetails } from "../actions/new-action.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { domain, org, project, taskSpec } from "./sample.ts";

const store = openSqliteStore(process.argv[2] ?? "");
for (let n = 0; ; n++) {
  const run = `r${process.pid}-${n}`;
  const key = { project, domain, run, action: "a0" };
  const kind = { case: "task" as const, spec: taskSpec() };
  const source = RunSource.UNSPECIFIED;
  const details = newActionDetails({ org, key, parent: "", group: "", createdAt: n, source, kind });
  const root = { ...key, createdAt: n, inputUri: "", runOutputBase: "", details, taskSpec: taskSpec() };
  const spec = { actionId: { name: "a0", run: { project, domain, name: run } } };
  const order = create(OrderSchema, { order: { case: "start", value: { spec } } });
  const row = { project, domain, run, createdAt: n, labels: {}, source, spec: create(RunSpecSchema), triggerName: "" };
  await store.runs.create(row, root, order, run);
  if (n === 0) process.stdout.write("begun\n");
}
