/** LimitRange: defaults into containers, and bounds on them, as plugin/pkg/admission/limitranger. */
import { type Amount, formatQuantity, parseQuantity, type PodSpec } from "@homeplane/kube";
import { at, isObject, type Json, type JsonObject, listAt, textAt } from "../store/json.ts";
import { type KubeObject, parseObject } from "../store/object.ts";
import { type FieldError, forbidden } from "./api-error.ts";
import type { Call } from "./context.ts";
import { notSupported, required } from "./field-errors.ts";
import { type Amounts, amountsOf, podAmounts } from "./pod-amounts.ts";
import { quantitiesAsText, resourceErrors } from "./pod-resources.ts";
import type { Strategy } from "./resource-type.ts";

const MAX_RANGES = 100;
const TYPES = ["Container", "Pod", "PersistentVolumeClaim"];

const table = (item: Json, field: string): JsonObject => {
  const found = at(item, field);
  return isObject(found) ? found : {};
};

/** What is not said follows from what is: a default from the maximum, a default request from the default or the minimum. */
function setDefaults(range: KubeObject): void {
  for (const item of listAt(range, "spec", "limits")) {
    if (!isObject(item)) continue;
    for (const field of ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"])
      quantitiesAsText(item[field]);
    if (item.type !== "Container") continue;
    const defaults = { ...table(item, "max"), ...table(item, "default") };
    const requests = { ...table(item, "min"), ...defaults, ...table(item, "defaultRequest") };
    if (Object.keys(defaults).length > 0) item.default = defaults;
    if (Object.keys(requests).length > 0) item.defaultRequest = requests;
  }
}

export const limitRangeStrategy: Strategy = {
  prepareCreate: setDefaults,
  prepareUpdate: setDefaults,
  validate(range) {
    const limits = at(range, "spec", "limits");
    if (!Array.isArray(limits)) return [required("spec.limits")];
    return limits.flatMap((item, n): FieldError[] => {
      const path = `spec.limits[${n}]`;
      const type = textAt(item, "type") ?? "";
      const known = TYPES.includes(type) ? [] : [notSupported(`${path}.type`, type, TYPES)];
      const pairs = [
        resourceErrors({ requests: table(item, "min"), limits: table(item, "max") }, path),
        resourceErrors({ requests: table(item, "defaultRequest"), limits: table(item, "default") }, path),
      ];
      return [...known, ...pairs.flat()];
    });
  },
};

/** Into one container; gives the words that tell of it. */
function fillIn(container: JsonObject, item: Json, what: string): string[] {
  const resources = isObject(container.resources) ? container.resources : {};
  const told: string[] = [];
  for (const [field, word, defaults] of [
    ["requests", "request", table(item, "defaultRequest")],
    ["limits", "limit", table(item, "default")],
  ] as const) {
    const own = isObject(resources[field]) ? resources[field] : {};
    const set = Object.keys(defaults).filter((name) => own[name] === undefined);
    if (set.length === 0) continue;
    resources[field] = { ...defaults, ...own };
    told.push(`${set.toSorted().join(", ")} ${word} for ${what} ${textAt(container, "name") ?? ""}`);
  }
  container.resources = resources;
  return told;
}

function applyDefaults(pod: KubeObject, items: readonly Json[]): void {
  const told = items.flatMap((item) => {
    if (textAt(item, "type") !== "Container") return [];
    return (["containers", "initContainers"] as const).flatMap((field) =>
      listAt(pod, "spec", field).flatMap((container) =>
        isObject(container) ? fillIn(container, item, field === "containers" ? "container" : "init container") : [],
      ),
    );
  });
  if (told.length === 0) return;
  const note = `LimitRanger plugin set: ${told.join("; ")}`;
  pod.metadata.annotations = { ...pod.metadata.annotations, "kubernetes.io/limit-ranger": note };
}

/** What is wrong with one container (or the pod), in Kubernetes' words. */
function violations(item: Json, kind: string, requests: Amounts, limits: Amounts): string[] {
  const found: string[] = [];
  const bound = (field: string, name: string): Amount | undefined =>
    parseQuantity(textAt(item, field, name) ?? "") ?? undefined;
  for (const name of Object.keys(table(item, "min"))) {
    const min = bound("min", name);
    if (min === undefined) continue;
    const what = `minimum ${name} usage per ${kind} is ${formatQuantity(min)}`;
    const request = requests.get(name);
    const limit = limits.get(name);
    if (request === undefined) found.push(`${what}.  No request is specified`);
    else if (request.milli < min.milli) found.push(`${what}, but request is ${formatQuantity(request)}`);
    else if (limit !== undefined && limit.milli < min.milli)
      found.push(`${what}, but limit is ${formatQuantity(limit)}`);
  }
  for (const name of Object.keys(table(item, "max"))) {
    const max = bound("max", name);
    if (max === undefined) continue;
    const what = `maximum ${name} usage per ${kind} is ${formatQuantity(max)}`;
    const request = requests.get(name);
    const limit = limits.get(name);
    if (limit === undefined) found.push(`${what}.  No limit is specified`);
    else if (limit.milli > max.milli) found.push(`${what}, but limit is ${formatQuantity(limit)}`);
    else if (request !== undefined && request.milli > max.milli)
      found.push(`${what}, but request is ${formatQuantity(request)}`);
  }
  for (const name of Object.keys(table(item, "maxLimitRequestRatio"))) {
    const ratio = bound("maxLimitRequestRatio", name);
    const request = requests.get(name)?.milli ?? 0;
    const limit = limits.get(name)?.milli ?? 0;
    if (ratio === undefined) continue;
    const what = `${name} max limit to request ratio per ${kind} is ${formatQuantity(ratio)}`;
    if (request === 0) found.push(`${what}, but no request is specified or request is 0`);
    else if (limit === 0) found.push(`${what}, but no limit is specified or limit is 0`);
    else if ((limit / request) * 1000 > ratio.milli)
      found.push(`${what}, but provided ratio is ${(limit / request).toFixed(6)}`);
  }
  return found;
}

function violationsOf(spec: PodSpec, item: Json): string[] {
  const type = textAt(item, "type") ?? "";
  if (type === "Pod") return violations(item, type, podAmounts(spec, "requests"), podAmounts(spec, "limits"));
  if (type !== "Container") return [];
  return [...spec.containers, ...(spec.initContainers ?? [])].flatMap((container) =>
    violations(item, type, amountsOf(container, "requests"), amountsOf(container, "limits")),
  );
}

async function itemsOf({ context, path }: Call): Promise<readonly Json[]> {
  const found = await context.store.list({ resource: "limitranges", namespace: path.namespace, limit: MAX_RANGES });
  return found.items.flatMap((one) => listAt(parseObject(one.json), "spec", "limits"));
}

/** Fills in the defaults of the namespace's ranges. Gives the check that is made when the pod is known to be valid. */
export async function limitRanges(call: Call, pod: KubeObject): Promise<() => void> {
  const items = await itemsOf(call);
  if (isObject(pod.spec)) applyDefaults(pod, items);
  return () => {
    const spec = pod.spec as unknown as PodSpec;
    const found = items.flatMap((item) => violationsOf(spec, item));
    if (found.length === 0) return;
    throw forbidden(
      call.type,
      pod.metadata.name ?? "",
      found.length === 1 ? (found[0] ?? "") : `[${found.join(", ")}]`,
    );
  };
}
