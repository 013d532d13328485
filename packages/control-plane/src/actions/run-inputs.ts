/** Where a run's inputs lie, and everything else that it writes. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { inputsFile, runPrefix } from "@homeplane/idl";
import type { TaskTemplate } from "@homeplane/idl/flyteidl2/core/tasks";
import { InputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import type { CreateRunRequest } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { Bucket } from "@homeplane/idl/homeplane/v1/dataplane";
import { inputsHash } from "../cache/cache-key.ts";
import { type Context, dataPlaneTimeoutMs } from "../context.ts";
import { invalid, isBelow, scopePrefix } from "../services/identifiers.ts";
import type { RunKey } from "../store/port.ts";

const maxInputBytes = 10 << 20;

export async function resolveInputs(ctx: Context, { inputWrapper }: CreateRunRequest, target: RunKey): Promise<string> {
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

/** What a cached result is found by; a client may override what UploadInputs gave it. */
export function hashOfInputs({ inputWrapper }: CreateRunRequest, template: TaskTemplate | undefined): string {
  // Without a hash the address stands for the content: at worst a result is not found again.
  if (inputWrapper.case === "offloadedInputData") return inputWrapper.value.inputsHash || inputWrapper.value.uri;
  return inputsHash(inputWrapper.case === "inputs" ? inputWrapper.value : create(InputsSchema), template);
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
export async function runBase(ctx: Context, target: RunKey, inputUri: string): Promise<string> {
  const prefix = runPrefix({ org: ctx.config.org, ...target });
  const own = /^([a-z0-9]+:\/\/[^/]+)\//.exec(inputUri)?.[1];
  if (own === undefined)
    throw invalid("offloaded_input_data.uri", `"${inputUri}" is not an address like s3://bucket/key`);
  return `${own}/${prefix}`;
}

const servedMs = 60_000;
const maxServed = 1_000;
/** A run's name in which no store finds fault. */
const plainName = /^[a-z0-9-]{1,63}$/;

/**
 * Refuses an address at which the data plane could not read what a run leaves: it would run and never be seen to end. Signing reaches no store, so
 * asking costs nothing but the way, which every run would wait for: where a base follows from the layout, what was said of another run of the project holds
 * for a minute.
 */
export async function requireServed(ctx: Context, target: RunKey, base: string, field: string): Promise<void> {
  const own = scopePrefix(ctx, target);
  if (!isBelow(base, own)) throw invalid(field, `"${base}" is not below ${own} of the object store`);
  const { run } = target;
  const place = plainName.test(run) && base.endsWith(`/${own}${run}`) ? base.slice(0, -run.length) : undefined;
  // With the data plane away no run is taken, whatever it said before.
  const isAway = ctx.dataPlane.isAway?.() ?? false;
  if (place !== undefined && !isAway && (ctx.served.get(place) ?? 0) > ctx.clock.now()) return;
  try {
    await ctx.dataPlane.objects.createDownloadUrl({ nativeUrl: `${base}/a0` }, { timeoutMs: dataPlaneTimeoutMs });
  } catch (error) {
    const refused =
      error instanceof ConnectError && (error.code === Code.InvalidArgument || error.code === Code.PermissionDenied);
    if (!refused) throw error;
    throw invalid(field, error.rawMessage);
  }
  if (place === undefined) return;
  if (ctx.served.size >= maxServed) ctx.served.clear();
  ctx.served.set(place, ctx.clock.now() + servedMs);
}
