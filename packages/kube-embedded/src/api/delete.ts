import { at, isObject, type JsonObject, listAt, textAt } from "../store/json.ts";
import { type KubeObject, parseObject } from "../store/object.ts";
import { badRequest, conflict, STALE } from "./api-error.ts";
import { optionalJson } from "./body.ts";
import { commitOne, retryRaces } from "./commit.ts";
import type { Call } from "./context.ts";
import { timestamp } from "./ids.ts";
import { getStored, keyOfCall, matchOf, readPage, type Start } from "./reads.ts";
import { type ApiResponse, booleanParam, integerParam } from "./request.ts";
import { jsonResponse } from "./response.ts";
import { inVersion, listResponse, objectResponse } from "./view.ts";

export const FOREGROUND = "foregroundDeletion";
export const ORPHAN = "orphan";

const MAX_GRACE_SECONDS = 10 * 365 * 86_400;

export interface DeleteOptions {
  readonly graceSeconds?: number;
  readonly propagation?: "Background" | "Foreground" | "Orphan";
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** From the body (`DeleteOptions`) or, where that is silent, the query. */
function readOptions(call: Call): DeleteOptions {
  const body: JsonObject = optionalJson(call.request);
  // kubectl says it here, others in the query, where all writes look for it.
  if (listAt(body, "dryRun").includes("All")) call.query.set("dryRun", "All");
  const grace = body.gracePeriodSeconds ?? integerParam(call.query, "gracePeriodSeconds", MAX_GRACE_SECONDS);
  if (
    grace !== undefined &&
    (typeof grace !== "number" || !Number.isInteger(grace) || grace < 0 || grace > MAX_GRACE_SECONDS)
  ) {
    throw badRequest(`gracePeriodSeconds must be an integer of seconds, not ${JSON.stringify(grace)}`);
  }
  const legacyOrphan =
    body.orphanDependents === true ||
    (call.query.has("orphanDependents") && booleanParam(call.query, "orphanDependents"));
  const policy = body.propagationPolicy ?? call.query.get("propagationPolicy") ?? (legacyOrphan ? "Orphan" : undefined);
  if (
    policy !== undefined &&
    policy !== null &&
    policy !== "Background" &&
    policy !== "Foreground" &&
    policy !== "Orphan"
  ) {
    throw badRequest(`propagationPolicy must be one of Background, Foreground, Orphan, not ${JSON.stringify(policy)}`);
  }
  const uid = textAt(body, "preconditions", "uid");
  const resourceVersion = textAt(body, "preconditions", "resourceVersion");
  return {
    ...(grace === undefined ? {} : { graceSeconds: grace }),
    ...(policy === undefined || policy === null ? {} : { propagation: policy }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

function checkPreconditions(call: Call, object: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = object.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    throw conflict(
      call.type,
      call.path.name,
      `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid ?? ""}`,
    );
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion ?? ""}`;
    throw conflict(call.type, call.path.name, why);
  }
}

/** The finalizers that stand for the propagation policy. */
function withPropagation(object: KubeObject, options: DeleteOptions): string[] {
  const others = (object.metadata.finalizers ?? []).filter((one) => one !== FOREGROUND && one !== ORPHAN);
  if (options.propagation === "Foreground") return [...others, FOREGROUND];
  if (options.propagation === "Orphan") return [...others, ORPHAN];
  return options.propagation === "Background" ? others : (object.metadata.finalizers ?? []);
}

/** Changes `object` to the state in which it waits for its end; false when it need not wait. */
function markDeleting(call: Call, object: KubeObject, options: DeleteOptions): boolean {
  const meta = object.metadata;
  const now = call.context.clock.now();
  const finalizers = withPropagation(object, options);
  if (finalizers.length > 0) meta.finalizers = finalizers;
  else delete meta.finalizers;
  let grace = call.type.strategy.graceSeconds?.(object, options.graceSeconds) ?? 0;
  // A second delete can shorten the grace, never lengthen it, and without a wish of its own it changes nothing.
  const running = meta.deletionTimestamp === undefined ? undefined : meta.deletionGracePeriodSeconds;
  if (running !== undefined && (options.graceSeconds === undefined || grace > running)) grace = running;
  const isNamespace = call.type.kind === "Namespace" && call.type.group === "";
  if (isNamespace && isObject(object.status)) object.status.phase = "Terminating";
  const waits = grace > 0 || finalizers.length > 0 || isNamespace;
  // What is deleted gracefully shows its end also when there is nothing to wait for.
  if (!waits && call.type.strategy.graceSeconds === undefined) return false;
  if (meta.deletionTimestamp === undefined) {
    if (call.type.hasGeneration) meta.generation = (meta.generation ?? 0) + 1;
    meta.deletionTimestamp = timestamp(now + grace * 1000);
  } else if (running !== undefined && grace < running)
    meta.deletionTimestamp = timestamp(Date.parse(meta.deletionTimestamp) - (running - grace) * 1000);
  if (!isNamespace) meta.deletionGracePeriodSeconds = grace;
  return waits;
}

/** The stored text of the object, and whether it is gone. */
export async function deleteObject(call: Call, options: DeleteOptions): Promise<{ json: string; gone: boolean }> {
  const attempt = async (): Promise<{ json: string; gone: boolean }> => {
    const stored = await getStored(call);
    const object = parseObject(inVersion(stored.json, call.type));
    checkPreconditions(call, object, options);
    const before = JSON.stringify(object);
    const waits = markDeleting(call, object, options);
    if (waits && JSON.stringify(object) === before) return { json: stored.json, gone: false };
    const op = waits ? "put" : "delete";
    return { json: await commitOne(call, op, keyOfCall(call), stored.revision, object), gone: !waits };
  };
  return await retryRaces(attempt, () => conflict(call.type, call.path.name, STALE));
}

/** Kinds whose deletion is answered with the object itself (ReturnDeletedObject upstream). */
const SHOWN_WHEN_GONE = new Set(["Pod", "ResourceQuota", "Service", "ServiceAccount"]);

export async function remove(call: Call): Promise<ApiResponse> {
  const { json, gone } = await deleteObject(call, readOptions(call));
  const { type } = call;
  if (!gone || (type.group === "" && SHOWN_WHEN_GONE.has(type.kind))) return objectResponse(call, 200, json);
  const uid = at(parseObject(json).metadata, "uid");
  const details = { name: call.path.name, ...(type.group === "" ? {} : { group: type.group }), kind: type.plural, uid };
  return jsonResponse(200, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details });
}

const PAGE = 200;

export async function removeCollection(call: Call): Promise<ApiResponse> {
  const options = readOptions(call);
  const match = matchOf(call);
  const deleted: string[] = [];
  let after: Start | undefined;
  do {
    const page = await readPage(call, match, after, PAGE);
    for (const item of page.items) {
      const one: Call = { ...call, path: { ...call.path, namespace: item.namespace, name: item.name } };
      try {
        deleted.push((await deleteObject(one, options)).json);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    }
    after = page.after;
  } while (after !== undefined);
  return listResponse(call, deleted, { resourceVersion: String(call.context.store.revision) });
}

export function isGone(error: unknown): boolean {
  return error instanceof Error && "reason" in error && error.reason === "NotFound";
}
