/**
 * Data through the control plane: addresses and structured values only. Files go straight to the object store by presigned URL;
 * signing and reading happen in the data plane.
 */
import { randomBytes } from "node:crypto";
import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { inputsFile, isTerminal, outputsFile, reportFile } from "@homeplane/idl";
import { CatalogCacheStatus } from "@homeplane/idl/flyteidl2/core/catalog";
import type { TaskTemplate } from "@homeplane/idl/flyteidl2/core/tasks";
import {
  ArtifactType,
  type DataProxyService,
  TailLogsResponseSchema,
  type UploadInputsRequest,
} from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { InputsSchema, type Outputs, OutputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import type { TaskIdentifier } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { ActionDetails } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { Bucket } from "@homeplane/idl/homeplane/v1/dataplane";
import { putInputs } from "../actions/run-inputs.ts";
import { nameTaken, newRunKey, newRunName } from "../actions/run-name.ts";
import { inputsHash } from "../cache/cache-key.ts";
import { type Context, dataPlaneTimeoutMs } from "../context.ts";
import type { ActionRow } from "../store/port.ts";
import { actionKey, actionNotFound, invalid, isBelow, projectScope, scopePrefix } from "./identifiers.ts";
import { heartbeat } from "./heartbeat.ts";
import { requireProject } from "./require-project.ts";
import { findTask, taskKey } from "./task-lookup.ts";

/** Inputs and outputs that one answer may carry. */
const maxActionDataBytes = 20 << 20;

/** A third of what the SDK's command line waits for. */
const heartbeatMs = 10_000;

const timeout = { timeoutMs: dataPlaneTimeoutMs } as const;

export function dataProxyService(ctx: Context): Partial<ServiceImpl<typeof DataProxyService>> {
  const load = async (id: Parameters<typeof actionKey>[0]): Promise<ActionRow> => {
    const key = actionKey(id);
    const row = await ctx.store.actions.get(key, { withTaskSpec: false });
    if (row === undefined) throw actionNotFound(key);
    return row;
  };
  const read = async (nativeUrl: string): Promise<Uint8Array> => {
    try {
      const request = { nativeUrl, maxBytes: BigInt(maxActionDataBytes) };
      return (await ctx.dataPlane.objects.getObject(request, timeout)).content;
    } catch (error) {
      // An action that ended early has written no outputs; a task that returns None writes an empty file.
      if (error instanceof ConnectError && error.code === Code.NotFound) return new Uint8Array();
      throw error;
    }
  };

  return {
    async createUploadLocation(request) {
      const { project, domain, filename, filenameRoot, expiresIn, contentMd5, contentLength } = request;
      if (project === "") throw invalid("project", "is required");
      if (domain === "") throw invalid("domain", "is required");
      if (filename.split("/").includes("..") || filenameRoot.split("/").includes(".."))
        throw invalid("filename", 'must not contain ".."');
      await requireProject(ctx, project, domain);
      // Without a root of the client's choice the digest is the folder: the same content keeps its address.
      const digest = contentMd5.length > 0 ? Buffer.from(contentMd5).toString("hex") : randomBytes(16).toString("hex");
      const path = [filenameRoot || digest, filename || "file"].join("/").replaceAll(/\/{2,}/g, "/");
      const location = {
        bucket: Bucket.FAST_REGISTRATION,
        project: { organization: ctx.config.org, name: project, domain },
        path,
      };
      const answer = await ctx.dataPlane.objects.createUploadUrl(
        { location, contentMd5, contentLength, ...(expiresIn ? { expiresIn } : {}) },
        timeout,
      );
      const { signedUrl, nativeUrl, expiresAt, headers } = answer;
      return { signedUrl, nativeUrl, headers, ...(expiresAt ? { expiresAt } : {}) };
    },

    async uploadInputs(request) {
      const { id } = request;
      const named = id.case === "runId" ? newRunKey(id.value) : undefined;
      const scope = named ?? projectScope(id.case === "projectId" ? id.value : undefined);
      await requireProject(ctx, scope.project, scope.domain);
      // The inputs of a run that exists are never written again.
      if (named !== undefined && (await ctx.store.runs.get(named)) !== undefined) throw nameTaken(named);
      const template = await templateOf(request.task);
      const run = named?.run ?? newRunName();
      const inputs = request.inputs ?? create(InputsSchema);
      const content = toBinary(InputsSchema, inputs);
      const { nativeUrl } = await putInputs(ctx, { project: scope.project, domain: scope.domain, run }, content);
      const uri = nativeUrl.slice(0, -(inputsFile.length + 1));
      return { offloadedInputData: { uri, inputsHash: inputsHash(inputs, template) } };
    },

    async getActionData({ actionId }) {
      const { inputUri, details } = await load(actionId);
      const inputs = inputUri === "" ? new Uint8Array() : await read(inputUri);
      const outputsUri = outputUriOf(details);
      const outputs = outputsUri === "" ? new Uint8Array() : await read(outputsUri);
      if (inputs.length + outputs.length > maxActionDataBytes) {
        const size = inputs.length + outputs.length;
        throw new ConnectError(
          `inputs and outputs are ${size} bytes, the limit is ${maxActionDataBytes}: read ${outputsUri} from the object store`,
          Code.ResourceExhausted,
        );
      }
      return {
        inputs: decode(InputsSchema, inputs, inputUri),
        outputs: answerOf(details) ?? decode(OutputsSchema, outputs, outputsUri),
        inputsUri: inputUri,
        outputsUri,
      };
    },

    async createDownloadLink({ artifactType, source, expiresIn }) {
      const nativeUrl = await artifactUrl(artifactType, source);
      const { signedUrl, expiresAt } = await ctx.dataPlane.objects.createDownloadUrl(
        { nativeUrl, ...(expiresIn ? { expiresIn } : {}) },
        timeout,
      );
      return { preSignedUrls: { signedUrl: [signedUrl], ...(expiresAt ? { expiresAt } : {}) } };
    },

    async *tailLogs(request, { signal }) {
      const { details } = await load(request.actionId);
      const attempt = request.attempt || Math.max(1, details.status?.attempts ?? 1);
      const known = details.attempts.find((candidate) => candidate.attempt === attempt);
      if (known === undefined || (!known.logsAvailable && !isTerminal(known.phase))) {
        throw new ConnectError(`attempt ${attempt} of action ${details.id?.name} has no log yet`, Code.NotFound);
      }
      // Nothing ran: the log is complete as it is, there is no need to look for one.
      if (known.cacheStatus === CatalogCacheStatus.CACHE_HIT) return;
      const either = AbortSignal.any([signal, ctx.stopping]);
      try {
        const lines = ctx.dataPlane.logs.tailLogs({ ...request, attempt }, { signal: either });
        yield* heartbeat(lines, ctx.clock, heartbeatMs, create(TailLogsResponseSchema));
      } catch (error) {
        // An end without error would mean that the log is complete.
        if (ctx.stopping.aborted) throw new ConnectError("the server is stopping: call again", Code.Unavailable);
        throw error;
      }
    },
  };

  /** The template names its bundle itself: only one that lies below the task's own project is signed for. */
  async function deployedBundle(id: TaskIdentifier | undefined, expected?: string): Promise<string> {
    const row = id === undefined ? undefined : await ctx.store.tasks.get(taskKey(id));
    const uri = row?.spec.taskTemplate?.metadata?.codeBundleUri;
    if (row === undefined || !uri || (expected !== undefined && uri !== expected))
      throw new ConnectError("the task carries no code bundle of its project", Code.NotFound);
    if (!isBelow(uri, scopePrefix(ctx, row)))
      throw new ConnectError("the task's code bundle lies outside of its project", Code.PermissionDenied);
    return uri;
  }

  /** Says which inputs a cached task ignores. */
  async function templateOf(task: UploadInputsRequest["task"]): Promise<TaskTemplate | undefined> {
    if (task.case === "taskId") return (await findTask(ctx, task.value)).spec.taskTemplate;
    return task.case === "taskSpec" ? task.value.taskTemplate : undefined;
  }

  async function artifactUrl(
    type: ArtifactType,
    source: Parameters<NonNullable<ServiceImpl<typeof DataProxyService>["createDownloadLink"]>>[0]["source"],
  ): Promise<string> {
    if (source.case === "actionAttemptId") {
      const { actionId, attempt } = source.value;
      const { details } = await load(actionId);
      if (type === ArtifactType.REPORT) {
        const found = details.attempts.find((item) => item.attempt === (attempt || details.status?.attempts));
        const uri = found?.outputs?.reportUri || (found?.outputs ? `${found.outputs.outputUri}/${reportFile}` : "");
        if (uri === "") throw new ConnectError(`attempt ${attempt} has no report yet`, Code.NotFound);
        return uri;
      }
      if (type !== ArtifactType.CODE_BUNDLE) throw invalid("artifact_type", "must be REPORT or CODE_BUNDLE");
      const row = await ctx.store.actions.get(actionKey(actionId), { withTaskSpec: true });
      const key = actionKey(actionId);
      const uri = row?.taskSpec?.taskTemplate?.metadata?.codeBundleUri;
      if (uri && isBelow(uri, scopePrefix(ctx, key))) return uri;
      // A task that was deployed in another project brings its bundle from there.
      const spec = details.metadata?.spec;
      return deployedBundle(spec?.case === "task" ? spec.value.id : undefined, uri);
    }
    if (source.case === "taskId" && type === ArtifactType.CODE_BUNDLE) return deployedBundle(source.value);
    throw invalid("source", "one of action_attempt_id, task_id is required, and must fit artifact_type");
  }
}

/** A condition has no file: its output is its answer. */
function answerOf({ result }: ActionDetails): Outputs | undefined {
  const value = result.case === "signalInfo" ? result.value.output : undefined;
  return value && create(OutputsSchema, { literals: [{ name: "o0", value }] });
}

/** Tasks write these files: what is no message is told, not taken for a fault of the server. */
function decode<T extends DescMessage>(schema: T, content: Uint8Array, uri: string): MessageShape<T> {
  try {
    return fromBinary(schema, content);
  } catch (error) {
    throw new ConnectError(`${uri} is no ${schema.typeName}`, Code.DataLoss, undefined, undefined, error);
  }
}

/** Of the attempt that succeeded; empty before. */
function outputUriOf(details: ActionDetails): string {
  const uri = details.attempts.findLast((attempt) => attempt.outputs?.outputUri)?.outputs?.outputUri;
  return uri ? `${uri}/${outputsFile}` : "";
}
