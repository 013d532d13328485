import { isObject, listAt, textAt } from "../store/json.ts";
import { type KubeObject, parseObject } from "../store/object.ts";
import { badRequest, conflict, invalid, type Subject } from "./api-error.ts";
import { optionalJson } from "./body.ts";
import { commitOne, retryRaces } from "./commit.ts";
import type { Call } from "./context.ts";
import { notSupported, required } from "./field-errors.ts";
import { timestamp } from "./ids.ts";
import { getStored, keyOfCall } from "./reads.ts";
import type { ApiResponse } from "./request.ts";
import { jsonResponse } from "./response.ts";

const BINDING: Subject = { group: "", plural: "pods/binding", kind: "Binding" };

/** Why this pod can not be given a node; undefined when it can. */
function refusal({ metadata, spec }: KubeObject, uid: string | undefined): string | undefined {
  if (uid !== undefined && uid !== metadata.uid)
    return `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid ?? ""}`;
  if (metadata.deletionTimestamp !== undefined)
    return `pod ${metadata.name ?? ""} is being deleted, cannot be assigned to a host`;
  const node = textAt(spec, "nodeName") ?? "";
  return node === "" ? undefined : `pod ${metadata.name ?? ""} is already assigned to node "${node}"`;
}

/** `POST .../pods/<name>/binding`: the only way in which a pod that exists gets its node (pkg/registry/core/pod/storage). */
export async function bindPod(call: Call): Promise<ApiResponse> {
  const { name } = call.path;
  const body = optionalJson(call.request);
  const asked = textAt(body, "metadata", "name") ?? name;
  if (asked !== name)
    throw badRequest(`the name in the URL (${name}) does not match the name in the Binding (${asked})`);
  const kind = textAt(body, "target", "kind") ?? "";
  if (kind !== "" && kind !== "Node") throw invalid(BINDING, name, [notSupported("target.kind", kind, ["Node"])]);
  const nodeName = textAt(body, "target", "name") ?? "";
  if (nodeName === "") throw invalid(BINDING, name, [required("target.name")]);
  const attempt = async (): Promise<ApiResponse> => {
    const stored = await getStored(call);
    const pod = parseObject(stored.json);
    const why = refusal(pod, textAt(body, "metadata", "uid"));
    if (why !== undefined) throw conflict(BINDING, name, why);
    pod.spec = { ...(isObject(pod.spec) ? pod.spec : {}), nodeName };
    const others = listAt(pod, "status", "conditions").filter((one) => textAt(one, "type") !== "PodScheduled");
    const lastTransitionTime = timestamp(call.context.clock.now());
    const scheduled = { type: "PodScheduled", status: "True", lastTransitionTime };
    pod.status = { ...(isObject(pod.status) ? pod.status : {}), conditions: [...others, scheduled] };
    await commitOne(call, "put", keyOfCall(call), stored.revision, pod);
    return jsonResponse(201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
  };
  return await retryRaces(attempt, () => conflict(BINDING, name, "the pod changes all the time"));
}
