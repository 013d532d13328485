import { fromBinary } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { attemptPrefix, podName, type TaskAction } from "@homeplane/idl";
import { type TaskTemplate, TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import { type RunSpec, RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import type { PodCache } from "../cache/pod-cache.ts";
import type { PodConfig } from "../config.ts";

/** Everything that a pod is made from; plain data. */
export interface PodContext {
  readonly config: PodConfig;
  readonly taskAction: TaskAction;
  readonly template: TaskTemplate;
  readonly runSpec: RunSpec | undefined;
  /** From 1. */
  readonly attempt: number;
  readonly incarnation: number;
  readonly name: string;
  /** Where this incarnation writes; no slash at the end. */
  readonly outputPrefix: string;
  /** Where an earlier one has left the checkpoint to go on from; empty when none has. */
  readonly previousPrefix: string;
  /** Of a cached task. */
  readonly cache?: PodCache;
  /** Texts of the inputs that the command line names (`{{.inputs.name}}`). */
  readonly inputs?: ReadonlyMap<string, string>;
}

/** The pod template has no container of the name that it calls its primary one. */
export class PrimaryContainerMissing extends Error {
  constructor(primary: string) {
    super(`spec.taskTemplate.k8s_pod: has no container "${primary}" (primary_container_name)`);
    this.name = "PrimaryContainerMissing";
  }
}

/** A field that can not be read; the action is InvalidSpec. */
export class InvalidSpecError extends Error {
  constructor(field: string, problem: string, options?: { cause?: unknown }) {
    super(`spec.${field}: ${problem}`, options);
    this.name = "InvalidSpecError";
  }
}

export function decodeTemplate(taskAction: TaskAction): TaskTemplate {
  const { taskTemplate } = taskAction.spec;
  if (taskTemplate === undefined || taskTemplate === "") throw new InvalidSpecError("taskTemplate", "is required");
  try {
    return fromBinary(TaskTemplateSchema, Buffer.from(taskTemplate, "base64"));
  } catch (error) {
    throw new InvalidSpecError("taskTemplate", "is no protobuf flyteidl2.core.TaskTemplate", { cause: error });
  }
}

export function decodeRunSpec(taskAction: TaskAction): RunSpec | undefined {
  const { runSpec } = taskAction.spec;
  if (runSpec === undefined || runSpec === "") return undefined;
  try {
    return fromBinary(RunSpecSchema, Buffer.from(runSpec, "base64"));
  } catch (error) {
    throw new InvalidSpecError("runSpec", "is no protobuf flyteidl2.task.RunSpec", { cause: error });
  }
}

/** The current attempt (from 1) and its incarnation (system failures so far, from 0). */
export function currentPod(taskAction: TaskAction): { attempt: number; incarnation: number; name: string } {
  const attempt = taskAction.status?.attempts ?? 1;
  const incarnation = taskAction.status?.systemFailures ?? 0;
  const { name, uid = "" } = taskAction.metadata;
  return { attempt, incarnation, name: podName({ name, uid }, attempt, incarnation) };
}

export function outputPrefixOf({ spec }: TaskAction, attempt: number, incarnation: number): string {
  return attemptPrefix(spec.runOutputBase ?? "", spec.actionName, attempt, incarnation);
}

/** Throws InvalidSpecError. `taskAction` must be the whole resource. */
export function podContext(
  config: PodConfig,
  taskAction: TaskAction,
  { cache, previousPrefix = "" }: { readonly cache?: PodCache | undefined; readonly previousPrefix?: string } = {},
): PodContext {
  if (!taskAction.spec.runOutputBase) throw new InvalidSpecError("runOutputBase", "is required");
  const { attempt, incarnation, name } = currentPod(taskAction);
  return {
    config,
    taskAction,
    template: decodeTemplate(taskAction),
    runSpec: decodeRunSpec(taskAction),
    attempt,
    incarnation,
    name,
    outputPrefix: outputPrefixOf(taskAction, attempt, incarnation),
    previousPrefix,
    ...(cache === undefined ? {} : { cache }),
  };
}

/** The same for the whole run: it is part of children's names. */
export function runStartTime({ runSpec, taskAction }: PodContext): string {
  const time = runSpec?.runStartTime;
  return time === undefined ? (taskAction.metadata.creationTimestamp ?? "") : timestampDate(time).toISOString();
}
