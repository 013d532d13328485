import type { KubeObject } from "../store/object.ts";
import {
  alignWithPath,
  applySchema,
  definitionCheck,
  namespaceCheck,
  validateObject,
  warnUnevaluated,
} from "./admission.ts";
import { alreadyExists, ApiError, conflict, STALE } from "./api-error.ts";
import { deepCopy } from "../store/object.ts";
import { readObject } from "./body.ts";
import { commitOne, retryRaces } from "./commit.ts";
import type { Call } from "./context.ts";
import { defaultAccount } from "./default-account.ts";
import { admitPod, isPod } from "./pod-admission.ts";
import { generatedName, newUid, timestamp } from "./ids.ts";
import type { ApiResponse } from "./request.ts";
import { resourceKey } from "./resource-type.ts";
import { objectResponse } from "./view.ts";

/** Kubernetes' own number of tries to find a free generated name. */
const MAX_NAMES = 8;

function prepare(call: Call, object: KubeObject): void {
  const { type, context } = call;
  const meta = object.metadata;
  if (meta.resourceVersion !== undefined)
    throw new ApiError(400, "BadRequest", "resourceVersion should not be set on objects to be created");
  const now = timestamp(context.clock.now());
  delete meta.deletionTimestamp;
  delete meta.deletionGracePeriodSeconds;
  meta.uid = newUid(context.random);
  meta.creationTimestamp = now;
  if (type.hasGeneration) meta.generation = 1;
  else delete meta.generation;
  if (type.hasStatus) delete object.status;
  applySchema(call, object);
  type.strategy.prepareCreate?.(object, now);
}

async function createOnce(call: Call, body: KubeObject, generated: boolean): Promise<ApiResponse> {
  const { type, context } = call;
  const object = deepCopy(body);
  if (generated) object.metadata.name = generatedName(body.metadata.generateName ?? "", context.random);
  const name = object.metadata.name ?? "";
  const checks = [...(await namespaceCheck(call, name)), ...(await definitionCheck(call))];
  prepare(call, object);
  const checkLimits = isPod(type) ? await admitPod(call, object) : undefined;
  validateObject(type, object, undefined);
  checkLimits?.();
  const key = { resource: resourceKey(type), namespace: object.metadata.namespace ?? "", name };
  if ((await context.store.get(key)) !== undefined) throw alreadyExists(type, name);
  const alongside = key.resource === "namespaces" ? [defaultAccount(context, name)] : [];
  const commit = (): Promise<string> => commitOne(call, "put", key, 0, object, [...checks, ...alongside]);
  return objectResponse(call, 201, await (type.namespaced ? context.quotas.admit(call, object, commit) : commit()));
}

export async function create(call: Call): Promise<ApiResponse> {
  const { type } = call;
  const body = readObject(call.request, type);
  alignWithPath(call, body);
  const generated = body.metadata.name === undefined && body.metadata.generateName !== undefined;
  if (body.metadata.name === undefined && !generated) {
    const message = `${type.kind} "" is invalid: metadata.name: Required value: name or generateName is required`;
    const causes = [
      {
        reason: "FieldValueRequired",
        message: "Required value: name or generateName is required",
        field: "metadata.name",
      },
    ];
    throw new ApiError(422, "Invalid", message, { kind: type.kind, causes });
  }
  warnUnevaluated(call, body);
  const name = body.metadata.name ?? body.metadata.generateName ?? "";
  for (let n = 1; ; n++) {
    try {
      call.warnings.length = 0;
      warnUnevaluated(call, body);
      return await retryRaces(
        () => createOnce(call, body, generated),
        () => conflict(type, name, STALE),
      );
    } catch (error) {
      const taken = error instanceof ApiError && error.reason === "AlreadyExists";
      if (!generated || !taken || n >= MAX_NAMES) throw error;
    }
  }
}
