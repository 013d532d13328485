/** What a run runs: a spec that came with the request, or a deployed task. */
import type { TaskIdentifier, TaskSpec } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { CreateRunRequest } from "@homeplane/idl/flyteidl2/workflow/run_service";
import type { Context } from "../context.ts";
import { invalid } from "../services/identifiers.ts";
import { findTask } from "../services/task-lookup.ts";

export async function resolveTask(
  ctx: Context,
  { task }: CreateRunRequest,
): Promise<{ taskId?: TaskIdentifier; spec: TaskSpec }> {
  switch (task.case) {
    case "taskSpec": {
      if (task.value.taskTemplate === undefined) throw invalid("task_spec.task_template", "is required");
      return { spec: task.value, ...templateId(ctx, task.value) };
    }
    case "taskId": {
      const row = await findTask(ctx, task.value);
      return { taskId: task.value, spec: row.spec };
    }
    default:
      throw invalid("task", "one of task_spec, task_id, trigger_name is required");
  }
}

/** An inline spec names its task inside the template; lists and filters want it as an identifier. */
function templateId(ctx: Context, spec: TaskSpec): { taskId?: TaskIdentifier } {
  const id = spec.taskTemplate?.id;
  if (id === undefined) return {};
  const { project, domain, name, version } = id;
  return {
    taskId: { $typeName: "flyteidl2.task.TaskIdentifier", org: ctx.config.org, project, domain, name, version },
  };
}
