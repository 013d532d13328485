/**
 * A process that makes runs until it is killed. Arguments: the database's path, and "durable" for several at a time in a durable store. Prints each
 * run's name when it is stored.
 */
import { create } from "@bufbuild/protobuf";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import { RunSource } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { OrderSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import { newActionDetails } from "../actions/new-action.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import { domain, org, project, taskSpec } from "./sample.ts";

const durable = process.argv[3] === "durable";
const store = openSqliteStore(process.argv[2] ?? "", { durable });
const writers = durable ? 8 : 1;
await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));

async function write(writer: number): Promise<never> {
  for (let n = writer; ; n += writers) await writeOne(n);
}

async function writeOne(n: number): Promise<void> {
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
  process.stdout.write(`${run}\n`);
}
