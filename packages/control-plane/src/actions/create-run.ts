/**
 * CreateRun. The request id is the idempotency key: the SDK repeats a call whose reply was lost with the same `x-request-id`, and
 * gets the run that the first one made. The run, its root action and the order to start it are stored in one transaction.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { clone, create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { inputsFile, runPrefix } from "@homeplane/idl";
import { InputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import type { RunIdentifier } from "@homeplane/idl/flyteidl2/common/identifier";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import type { TaskIdentifier, TaskSpec } from "@homeplane/idl/flyteidl2/task/task_definition";
import { ActionSpecSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { type CreateRunRequest, CreateRunRequestSchema } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { Bucket } from "@homeplane/idl/homeplane/v1/dataplane";
import { OrderSchema } from "@homeplane/idl/homeplane/v1/orchestration";
import { type Context, dataPlaneTimeoutMs } from "../context.ts";
import { actionIdentifier, invalid, isBelow, projectScope, runKey, scopePrefix } from "../services/identifiers.ts";
import { requireProject } from "../services/require-project.ts";
import { findTask } from "../services/task-lookup.ts";
import type { ActionRow, RunKey } from "../store/port.ts";
import { newActionDetails } from "./new-action.ts";
import { checkTemplateSize } from "./template-size.ts";

export const rootAction = "a0";
export const maxInputBytes = 10 << 20;

export function newRunName(): string {
  // A letter first (DNS), then 16 characters of base32: 80 bits, no vowels-only words, well below the limit of 30.
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  return `r${Array.from(randomBytes(16), (byte) => alphabet[byte & 31]).join("")}`;
}

export async function createRun(ctx: Context, request: CreateRunRequest, requestId: string): Promise<ActionRow> {
  const id = requestId === "" ? randomUUID() : idempotencyKey(request, requestId);
  const target = await resolveTarget(ctx, request);
  // The name first, the key second: a first call that is stored in between is found by one of the two.
  const taken = (await ctx.store.runs.get(target)) !== undefined;
  const earlier = await ctx.store.runs.byRequestId(id);
  if (earlier !== undefined) return loadRoot(ctx, earlier);
  // Before inputs are written: those of the run that has the name must stay as they are.
  if (taken) throw refusal(request, target);
  const { taskId, spec } = await resolveTask(ctx, request);
  checkTemplateSize(spec, "task_spec");
  const now = ctx.clock.now();
  const runSpec = request.runSpec ? clone(RunSpecSchema, request.runSpec) : create(RunSpecSchema);
  runSpec.runStartTime = request.runStartTime ?? runSpec.runStartTime ?? timestampFromMs(now);
  const key = { ...target, action: rootAction };
  const inputUri = await resolveInputs(ctx, request, target);
  const runOutputBase = runSpec.runBaseDir || (await runBase(ctx, target, inputUri));
  // A bucket of the user's own is the user's affair; in ours a run stays below its project.
  if (isBelow(runOutputBase, `${ctx.config.org}/`) && !isBelow(runOutputBase, scopePrefix(ctx, target)))
    throw invalid("run_spec.run_base_dir", `"${runOutputBase}" is not below ${scopePrefix(ctx, target)}`);
  const kind = { case: "task" as const, spec, ...(taskId ? { id: taskId } : {}) };
  const root: ActionRow = {
    ...key,
    createdAt: now,
    inputUri,
    runOutputBase,
    taskSpec: spec,
    details: newActionDetails({
      org: ctx.config.org,
      key,
      parent: "",
      group: "",
      createdAt: now,
      source: request.source,
      kind,
    }),
  };
  const labels = runSpec.labels?.values ?? {};
  const task = { ...(taskId ? { id: taskId } : {}), spec };
  const order = create(OrderSchema, {
    order: {
      case: "start",
      value: {
        labels,
        spec: create(ActionSpecSchema, {
          actionId: actionIdentifier(ctx.config.org, key),
          runSpec,
          inputUri,
          runOutputBase,
          spec: { case: "task", value: task },
        }),
      },
    },
  });
  const run = { ...target, createdAt: now, labels, source: request.source, spec: runSpec };
  const made = await ctx.store.runs.create(run, root, order, id);
  if (made === "exists") throw refusal(request, target);
  for (const topic of ["orders", `${target.project}/${target.domain}`]) ctx.changes.publish(topic);
  return loadRoot(ctx, made);
}

/**
 * A repetition is the same request under the same id. The id alone is not enough: within a task the SDK makes it of the action's
 * name and four random characters, so that two different requests of one busy task can carry the same one.
 */
function idempotencyKey(request: CreateRunRequest, requestId: string): string {
  return createHash("sha256").update(`${requestId}\n`).update(toBinary(CreateRunRequestSchema, request)).digest("hex");
}

/** A name that nobody chose is taken only in a race of two requests on one upload; the next try gets another name. */
function refusal(request: CreateRunRequest, target: RunKey): ConnectError {
  if (request.id.case === "runId") return nameTaken(target);
  return new ConnectError(`another request took the name ${target.run} just now: call again`, Code.Unavailable);
}

export function nameTaken({ project, domain, run }: RunKey): ConnectError {
  return new ConnectError(`run ${run} exists already in ${project}/${domain}: choose another name`, Code.AlreadyExists);
}

async function loadRoot(ctx: Context, key: RunKey): Promise<ActionRow> {
  const row = await ctx.store.actions.get({ ...key, action: rootAction }, { withTaskSpec: false });
  if (row === undefined) throw new ConnectError(`run ${key.run} has lost its root action`, Code.DataLoss);
  return row;
}

/** The key of a run that does not exist yet: its name has to be one that Kubernetes takes. */
export function newRunKey(id: RunIdentifier): RunKey {
  const key = runKey(id);
  if (!/^[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?$/.test(key.run)) {
    throw invalid("run_id.name", `"${key.run}" must be 1 to 30 lower-case letters, digits and inner dashes`);
  }
  return key;
}

/** A name that the client chose, or the one that UploadInputs gave out with the inputs' address, or a new one. */
async function resolveTarget(ctx: Context, { id, inputWrapper }: CreateRunRequest): Promise<RunKey> {
  if (id.case === "runId") {
    const key = newRunKey(id.value);
    await requireProject(ctx, key.project, key.domain);
    return key;
  }
  const scope = projectScope(id.case === "projectId" ? id.value : undefined);
  await requireProject(ctx, scope.project, scope.domain);
  const uri = inputWrapper.case === "offloadedInputData" ? inputWrapper.value.uri : "";
  const reserved = new RegExp(`/${ctx.config.org}/${scope.project}/${scope.domain}/(r[a-z2-7]{16})/inputs/?$`).exec(
    uri,
  )?.[1];
  const taken = reserved === undefined ? true : (await ctx.store.runs.get({ ...scope, run: reserved })) !== undefined;
  return { ...scope, run: taken || reserved === undefined ? newRunName() : reserved };
}

async function resolveTask(
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
    case "triggerName":
      throw new ConnectError("trigger_name: runs by trigger are not supported yet", Code.Unimplemented);
    default:
      throw invalid("task", "one of task_spec, task_id is required");
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

async function resolveInputs(ctx: Context, { inputWrapper }: CreateRunRequest, target: RunKey): Promise<string> {
  if (inputWrapper.case === "offloadedInputData") {
    const { uri } = inputWrapper.value;
    if (uri === "") throw invalid("offloaded_input_data.uri", "is required");
    // Whoever may create runs here may read this project's inputs, not those of another one.
    const own = scopePrefix(ctx, target);
    if (!isBelow(uri, own))
      throw invalid("offloaded_input_data.uri", `"${uri}" is not below ${own} of the object store`);
    // UploadInputs gives out the folder, GetActionDataURIs (which a rerun asks) the file.
    return uri.endsWith(`/${inputsFile}`) ? uri : `${uri.replace(/\/+$/, "")}/${inputsFile}`;
  }
  const content = inputWrapper.case === "inputs" ? toBinary(InputsSchema, inputWrapper.value) : new Uint8Array();
  const { nativeUrl } = await putInputs(ctx, target, content);
  return nativeUrl;
}

/** Writes a run's structured inputs where the layout wants them. */
export async function putInputs(ctx: Context, target: RunKey, content: Uint8Array): Promise<{ nativeUrl: string }> {
  if (content.length > maxInputBytes) {
    throw invalid(
      "inputs",
      `are ${content.length} bytes, the limit is ${maxInputBytes}: pass large data as flyte.io.File or Dir`,
    );
  }
  const { org } = ctx.config;
  const location = {
    bucket: Bucket.METADATA,
    project: { organization: org, name: target.project, domain: target.domain },
    path: `${target.run}/inputs/${inputsFile}`,
  };
  return ctx.dataPlane.objects.putObject({ location, content }, { timeoutMs: dataPlaneTimeoutMs });
}

/** `<metadata bucket>/<org>/<project>/<domain>/<run>`: the bucket is the one that holds the inputs. */
async function runBase(ctx: Context, target: RunKey, inputUri: string): Promise<string> {
  const prefix = runPrefix({ org: ctx.config.org, ...target });
  const own = /^([a-z0-9]+:\/\/[^/]+)\//.exec(inputUri)?.[1];
  if (own === undefined)
    throw invalid("offloaded_input_data.uri", `"${inputUri}" is not an address like s3://bucket/key`);
  return `${own}/${prefix}`;
}
