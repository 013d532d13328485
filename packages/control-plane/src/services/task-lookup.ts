import { Code, ConnectError } from "@connectrpc/connect";
import type { TaskIdentifier } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { Context } from "../context.ts";
import type { TaskKey, TaskRow } from "../store/port.ts";
import { checkName, invalid } from "./identifiers.ts";

export function taskKey(id: TaskIdentifier | undefined, field = "task_id"): TaskKey {
  if (id === undefined) throw invalid(field, "is required");
  for (const part of ["project", "domain", "name", "version"] as const) checkName(id[part], `${field}.${part}`);
  const { project, domain, name, version } = id;
  return { project, domain, name, version };
}

export async function findTask(ctx: Context, id: TaskIdentifier | undefined, field = "task_id"): Promise<TaskRow> {
  const key = taskKey(id, field);
  const row = await ctx.store.tasks.get(key);
  if (row === undefined) {
    throw new ConnectError(
      `task ${key.name} version ${key.version} is not deployed in ${key.project}/${key.domain}: deploy it with \`flyte deploy\``,
      Code.NotFound,
    );
  }
  return row;
}
