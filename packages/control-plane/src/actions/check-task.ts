import { toBinary } from "@bufbuild/protobuf";
import { maxTemplateBytes } from "@homeplane/idl";
import { type TaskSpec, TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { invalid } from "../services/identifiers.ts";

/** A task that could never run is refused to the one who brings it, not to the one who waits for it. */
export function checkTask(spec: TaskSpec, field: string): void {
  const { case: target } = spec.taskTemplate?.target ?? {};
  if (target !== "container" && target !== "k8sPod")
    throw invalid(`${field}.task_template.target`, "must be a container or a k8s_pod: there would be nothing to run");
  const size = toBinary(TaskSpecSchema, spec).length;
  if (size <= maxTemplateBytes) return;
  throw invalid(
    field,
    `is ${size} bytes, the limit is ${maxTemplateBytes}: make default inputs or image layers smaller`,
  );
}
