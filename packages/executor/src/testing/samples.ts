import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { labels, taskActionFinalizer, type TaskAction, taskActionName } from "@homeplane/idl";
import { type ActionIdentifier, ActionIdentifierSchema } from "@homeplane/idl/flyteidl2/common/identifier";
import {
  type TaskMetadata,
  type TaskMetadataSchema,
  type TaskTemplate,
  TaskTemplateSchema,
} from "@homeplane/idl/flyteidl2/core/tasks";
import { type StartAction, StartActionSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import { type ExecutorConfig, executorDefaults } from "../config.ts";
import { taskActionType } from "../resource.ts";

export const testConfig: ExecutorConfig = {
  ...executorDefaults,
  cluster: "test",
  pod: {
    org: "acme",
    gateway: { hostPort: "gateway:8088", insecure: true },
    objectStoreEnv: { FLYTE_AWS_ENDPOINT: "http://store:9000" },
    defaultRequests: { cpu: "1", memory: "1Gi" },
    user: { uid: 1000, gid: 1000 },
    gracePeriodSeconds: 30,
  },
};

export interface TaskOptions {
  readonly retries?: number;
  readonly type?: string;
  readonly declaresOutputs?: boolean;
  readonly metadata?: Exclude<MessageInitShape<typeof TaskMetadataSchema>, TaskMetadata>;
  /** Cached under this key; the options of its cache beside it. */
  readonly cacheKey?: string;
  readonly cache?: { readonly serialized?: boolean; readonly maxAgeMs?: number; readonly overwrite?: boolean };
  readonly template?: Exclude<MessageInitShape<typeof TaskTemplateSchema>, TaskTemplate>;
}

export function template({
  retries = 0,
  type = "python",
  declaresOutputs = false,
  metadata,
  cacheKey,
  cache = {},
  template: more,
}: TaskOptions): TaskTemplate {
  const variables = declaresOutputs ? [{ key: "o0", value: {} }] : [];
  return create(TaskTemplateSchema, {
    type,
    id: { name: "env.task" },
    metadata: {
      retries: { retries },
      discoverable: cacheKey !== undefined,
      cacheSerializable: cache.serialized ?? false,
      ...(cache.maxAgeMs === undefined ? {} : { cacheMaxAge: durationFromMs(cache.maxAgeMs) }),
      ...metadata,
    },
    interface: { outputs: { variables } },
    target: {
      case: "container",
      value: { image: "busybox:1", args: ["{{.outputPrefix}}", "--prev", "{{.prevCheckpointPrefix}}"] },
    },
    ...more,
  });
}

/** A bound on a task's time as the template carries it. */
export function ms(count: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(count / 1000)), nanos: (count % 1000) * 1_000_000 };
}

export function runId(run: string, action = "a0"): ActionIdentifier {
  return create(ActionIdentifierSchema, {
    run: { org: "acme", project: "demo", domain: "development", name: run },
    name: action,
  });
}

export function rootOrder(run: string, task: TaskOptions): StartAction {
  return create(StartActionSchema, {
    spec: {
      actionId: runId(run),
      inputUri: `s3://meta/acme/demo/development/${run}/inputs`,
      runOutputBase: `s3://meta/acme/demo/development/${run}`,
      runSpec: {
        envs: { values: [{ key: "GREETING", value: "hello" }] },
        overwriteCache: task.cache?.overwrite ?? false,
      },
      spec: {
        case: "task",
        value: {
          spec: { taskTemplate: template(task), shortName: "main" },
          ...(task.cacheKey === undefined ? {} : { cacheKey: task.cacheKey }),
        },
      },
    },
  });
}

/** As the task gateway makes it. */
export function childOf({ spec, metadata }: TaskAction, action: string, task: TaskOptions): TaskAction {
  const { taskTemplate: _template, taskId: _id, cacheKey: _key, ...context } = spec;
  const owner = {
    apiVersion: "flyte.org/v1",
    kind: "TaskAction",
    name: metadata.name,
    uid: metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
  const made = template(task);
  return {
    apiVersion: "flyte.org/v1",
    kind: taskActionType.kind as "TaskAction",
    metadata: {
      name: taskActionName(spec.runName, action),
      namespace: metadata.namespace ?? "",
      labels: { [labels.run]: spec.runName, [labels.action]: action, [labels.isRoot]: "false" },
      finalizers: [taskActionFinalizer],
      ownerReferences: [owner],
    },
    spec: {
      ...context,
      actionName: action,
      parentActionName: spec.actionName,
      taskType: made.type,
      taskTemplate: Buffer.from(toBinary(TaskTemplateSchema, made)).toString("base64"),
      ...(task.cacheKey === undefined ? {} : { cacheKey: task.cacheKey }),
    },
  };
}

/** A TaskAction as the API returns it. */
export function sampleTaskAction(
  more: Partial<Omit<TaskAction, "metadata">> & { metadata?: Partial<TaskAction["metadata"]> } = {},
  task: TaskOptions = {},
): TaskAction {
  const made = template(task);
  return {
    apiVersion: "flyte.org/v1",
    kind: "TaskAction",
    ...more,
    metadata: {
      name: "r1-a0",
      namespace: "demo-development",
      uid: "0b1c2d3e-0000-4000-8000-000000000001",
      resourceVersion: "7",
      creationTimestamp: "2030-01-01T00:00:00Z",
      ...more.metadata,
    },
    spec: {
      runName: "r1",
      actionName: "a0",
      project: "demo",
      domain: "development",
      inputUri: "s3://meta/acme/demo/development/r1/inputs",
      runOutputBase: "s3://meta/acme/demo/development/r1",
      taskType: made.type,
      taskTemplate: Buffer.from(toBinary(TaskTemplateSchema, made)).toString("base64"),
      ...more.spec,
    },
  };
}
