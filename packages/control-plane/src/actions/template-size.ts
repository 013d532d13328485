import { toBinary } from "@bufbuild/protobuf";
import { maxTemplateBytes } from "@homeplane/idl";
import { type TaskSpec, TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { invalid } from "../services/identifiers.ts";

export function checkTemplateSize(spec: TaskSpec, field: string): void {
  const size = toBinary(TaskSpecSchema, spec).length;
  if (size <= maxTemplateBytes) return;
  throw invalid(
    field,
    `is ${size} bytes, the limit is ${maxTemplateBytes}: make default inputs or image layers smaller`,
  );
}
