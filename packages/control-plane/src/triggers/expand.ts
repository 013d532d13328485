/** A run by its trigger's name: the task, the inputs and the run specification are the trigger's, unless the request brings its own. */
import { clone, create, fromBinary } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { inputsFile } from "@homeplane/idl";
import { SimpleType } from "@homeplane/idl/flyteidl2/core/types";
import { type Inputs, InputsSchema, NamedLiteralSchema } from "@homeplane/idl/flyteidl2/task/common";
import type { TaskSpec } from "@homeplane/idl/flyteidl2/task/task_definition";
import { type CreateRunRequest, CreateRunRequestSchema } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { type Context, dataPlaneTimeoutMs } from "../context.ts";
import { invalid } from "../services/identifiers.ts";
import { findTask } from "../services/task-lookup.ts";
import type { RunKey } from "../store/port.ts";
import type { TriggerRow } from "../store/trigger-port.ts";
import { kickoffArgument } from "./deploy.ts";
import { triggerKey, triggerNotFound } from "./trigger-id.ts";

const maxInputBytes = 10 << 20;

export interface Expanded {
  readonly request: CreateRunRequest;
  readonly trigger?: TriggerRow;
}

/** A trigger makes runs of its own project only: its inputs are that project's. */
export async function expandTrigger(ctx: Context, request: CreateRunRequest, target: RunKey): Promise<Expanded> {
  if (request.task.case !== "triggerName") return { request };
  const key = triggerKey(request.task.value, "trigger_name");
  if (key.project !== target.project || key.domain !== target.domain)
    throw invalid("trigger_name", `must be of ${target.project}/${target.domain}, where the run is to be`);
  const trigger = await ctx.store.triggers.get(key);
  if (trigger === undefined) throw triggerNotFound(key);
  const { project, domain, taskName: name } = key;
  const id = { org: ctx.config.org, project, domain, name, version: trigger.spec.taskVersion };
  const expanded = clone(CreateRunRequestSchema, request);
  expanded.task = create(CreateRunRequestSchema, { task: { case: "taskId", value: id } }).task;
  expanded.runSpec ??= trigger.spec.runSpec;
  expanded.runStartTime ??= timestampFromMs(ctx.clock.now());
  if (request.inputWrapper.case === undefined) {
    const task = await findTask(ctx, expanded.task.case === "taskId" ? expanded.task.value : undefined);
    expanded.inputWrapper = await inputsAt(ctx, trigger, task.spec, expanded.runStartTime);
  }
  return { request: expanded, trigger };
}

/**
 * The SDK's runtime fills the time of firing in itself, from the run's start time. It is written into the inputs too: they show what the task was
 * called with, and two firings of a cached task differ.
 */
async function inputsAt(
  ctx: Context,
  { spec, automation }: TriggerRow,
  task: TaskSpec,
  at: Timestamp,
): Promise<CreateRunRequest["inputWrapper"]> {
  const argument = kickoffArgument(automation);
  const type = task.taskTemplate?.interface?.inputs?.variables.find(({ key }) => key === argument)?.value?.type?.type;
  if (type?.case !== "simple" || type.value !== SimpleType.DATETIME) return spec.inputWrapper;
  const inputs = await readInputs(ctx, spec.inputWrapper);
  const value = create(NamedLiteralSchema, {
    name: argument,
    value: {
      value: {
        case: "scalar",
        value: { value: { case: "primitive", value: { value: { case: "datetime", value: at } } } },
      },
    },
  });
  const literals = [...inputs.literals.filter(({ name }) => name !== argument), value];
  return { case: "inputs", value: create(InputsSchema, { ...inputs, literals }) };
}

async function readInputs(ctx: Context, wrapper: TriggerRow["spec"]["inputWrapper"]): Promise<Inputs> {
  if (wrapper.case === "inputs") return wrapper.value;
  if (wrapper.case === undefined) return create(InputsSchema);
  const { uri } = wrapper.value;
  const nativeUrl = uri.endsWith(`/${inputsFile}`) ? uri : `${uri.replace(/\/+$/, "")}/${inputsFile}`;
  try {
    const options = { timeoutMs: dataPlaneTimeoutMs };
    const { content } = await ctx.dataPlane.objects.getObject({ nativeUrl, maxBytes: BigInt(maxInputBytes) }, options);
    return fromBinary(InputsSchema, content);
  } catch (error) {
    if (!(error instanceof ConnectError) || error.code !== Code.NotFound) throw error;
    throw new ConnectError(
      `the trigger's inputs are gone from ${nativeUrl}: deploy it again`,
      Code.FailedPrecondition,
      undefined,
      undefined,
      error,
    );
  }
}
