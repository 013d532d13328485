/** Tasks that the data plane brings along and clients run by name, in project `system` (the SDK's remote image builder does). */
import { clone, equals } from "@bufbuild/protobuf";
import { shortHash } from "@homeplane/idl";
import { ResourceType } from "@homeplane/idl/flyteidl2/core/identifier";
import { type TaskSpec, TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { Store } from "./store/port.ts";

export const buildImageTask = { project: "system", domain: "production", name: "build-image" } as const;

/** Clients take the newest version: one is added when that is not `spec`. */
export async function ensureBuildTask(store: Store, spec: TaskSpec, now: number): Promise<void> {
  const query = { ...buildImageTask, latestOnly: true, ascending: false, limit: 1 };
  const [latest] = (await store.tasks.list(query)).rows;
  const version = shortHash(`${now}`, 12);
  if (latest !== undefined && equals(TaskSpecSchema, latest.spec, named(spec, latest.version))) return;
  await store.tasks.create({ ...buildImageTask, version, createdAt: now, spec: named(spec, version) }, []);
}

function named(spec: TaskSpec, version: string): TaskSpec {
  const copy = clone(TaskSpecSchema, spec);
  const id = { ...buildImageTask, org: "", version, resourceType: ResourceType.TASK };
  if (copy.taskTemplate !== undefined) copy.taskTemplate.id = { $typeName: "flyteidl2.core.Identifier", ...id };
  return copy;
}
