import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { LiteralTypeSchema, SimpleType } from "@homeplane/idl/flyteidl2/core/types";
import { type TaskSpec, TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";

/** Our Python modules: a pod finds them by PYTHONPATH. */
export const pythonFolder = join(import.meta.dirname, "python");

const args = [
  ...["a0", "--inputs", "{{.input}}", "--outputs-path", "{{.outputPrefix}}", "--version", "1"],
  ...["--raw-data-path", "{{.rawOutputDataPrefix}}", "--checkpoint-path", "{{.checkpointOutputPrefix}}"],
  ...["--prev-checkpoint", "{{.prevCheckpointPrefix}}", "--run-name", "{{.runName}}", "--name", "{{.actionName}}"],
  ...["--run-start-time", "{{.runStartTime}}"],
  ...["--resolver", "flyte._internal.resolvers.default.DefaultTaskResolver"],
  ...["mod", "homeplane_images", "instance", "build_image"],
];

/** As the SDK would deploy it; inputs and output are those that its remote builder sends and reads. */
export function buildTask(): TaskSpec {
  const text = (key: string) => ({
    key,
    value: { type: create(LiteralTypeSchema, { type: { case: "simple", value: SimpleType.STRING } }) },
  });
  return create(TaskSpecSchema, {
    shortName: "build-image",
    environment: { name: "images" },
    taskTemplate: {
      type: "python",
      metadata: { retries: { retries: 0 } },
      interface: {
        inputs: { variables: ["spec", "context", "target_image"].map(text) },
        outputs: { variables: [text("o0")] },
      },
      target: {
        case: "container",
        value: { image: "homeplane", args, env: [{ key: "PYTHONPATH", value: pythonFolder }] },
      },
    },
  });
}
