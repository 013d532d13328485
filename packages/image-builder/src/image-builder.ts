/**
 * Images where tasks run in one Python environment: nothing is built. What an image's layers ask for is compared with what the environment has,
 * before the run that the SDK calls a build is taken, and once more by that run.
 */
import type { ServiceImpl } from "@connectrpc/connect";
import type { TaskSpec } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { ImageService } from "@homeplane/idl/homeplane/v1/images";
import type { ObjectStore } from "@homeplane/object-store";
import { buildTask } from "./build-task.ts";
import { checkBuild } from "./check-build.ts";

export interface ImageBuilderOptions {
  readonly store: ObjectStore;
  /** Where clients upload specifications and contexts. */
  readonly bucket: string;
  readonly org: string;
  /** The interpreter of the environment. */
  readonly python: string;
  /** Of the check's processes. */
  readonly env: Readonly<Record<string, string>>;
}

export interface ImageBuilder {
  /** For the tunnel. */
  readonly service: ServiceImpl<typeof ImageService>;
  /** What the SDK runs as project `system`, domain `production`, name `build-image`. */
  readonly task: TaskSpec;
}

export function createImageBuilder(options: ImageBuilderOptions): ImageBuilder {
  return { service: { checkBuild: checkBuild(options) }, task: buildTask() };
}
