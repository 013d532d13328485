import { create } from "@bufbuild/protobuf";
import { type TaskSpec, TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";

export const org = "acme";
export const project = "shop";
export const domain = "development";
export const projectId = { organization: org, name: project, domain };

/** Of a task `env.<name>`; `padding` bytes make it larger. */
export function taskSpec(name = "hello", padding = 0): TaskSpec {
  const id = { org, project, domain, name: `env.${name}`, version: "v1" };
  return create(TaskSpecSchema, {
    shortName: name,
    taskTemplate: {
      id,
      type: "python",
      target: { case: "container", value: { image: "python:3.11", args: ["a0"] } },
      config: padding > 0 ? { padding: "x".repeat(padding) } : {},
    },
  });
}
