/** The resources of a pod's containers: defaults and rules as pkg/apis/core/{v1/defaults.go,validation,helper/qos}. */
import { formatQuantity, parseQuantity } from "@homeplane/kube";
import { isObject, type Json, type JsonObject } from "../store/json.ts";
import { badRequest, type FieldError } from "./api-error.ts";
import { invalidValue, required, wrongType } from "./field-errors.ts";

const FORM =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$' (500m, 1.5, 2Gi)";

/** In their canonical form, as Kubernetes keeps them: a number becomes its text, 1000m becomes 1. Throws a 400 on what is no quantity. */
export function quantitiesAsText(list: Json | undefined): void {
  if (!isObject(list)) return;
  for (const [name, given] of Object.entries(list)) {
    const amount = typeof given === "number" || typeof given === "string" ? parseQuantity(String(given)) : undefined;
    if (amount === undefined)
      throw badRequest(`the amount of ${name} can not be read: ${JSON.stringify(given)}: ${FORM}`);
    list[name] = formatQuantity(amount);
  }
}

/** A request that is not said is the limit. */
export function defaultResources(container: JsonObject): void {
  const resources = container.resources;
  if (!isObject(resources)) return;
  quantitiesAsText(resources.limits);
  quantitiesAsText(resources.requests);
  const { limits } = resources;
  if (!isObject(limits) || Object.keys(limits).length === 0) return;
  const requests = isObject(resources.requests) ? resources.requests : {};
  resources.requests = { ...limits, ...requests };
}

function quantityErrors(list: Json | undefined, path: string): FieldError[] {
  if (list === undefined || list === null) return [];
  if (!isObject(list)) return [wrongType(path, list, "object")];
  return Object.entries(list).flatMap(([name, text]) => {
    const amount = typeof text === "string" ? parseQuantity(text) : undefined;
    if (amount === undefined) return [invalidValue(`${path}[${name}]`, text, FORM)];
    return amount.milli < 0 ? [invalidValue(`${path}[${name}]`, text, "must be greater than or equal to 0")] : [];
  });
}

/** `resources` of one container; `path` is its place in the pod. */
export function resourceErrors(resources: Json | undefined, path: string): FieldError[] {
  if (resources === undefined || resources === null) return [];
  if (!isObject(resources)) return [wrongType(path, resources, "object")];
  const { limits, requests } = resources;
  const errors = [...quantityErrors(limits, `${path}.limits`), ...quantityErrors(requests, `${path}.requests`)];
  if (errors.length > 0 || !isObject(requests)) return errors;
  for (const [name, text] of Object.entries(requests)) {
    const limit = isObject(limits) ? limits[name] : undefined;
    // Devices are given out whole.
    if (limit === undefined && name.includes("/") && !name.startsWith("kubernetes.io/"))
      errors.push(required(`${path}.limits`, "Limit must be set for non overcommitable resources"));
    if (typeof limit !== "string" || typeof text !== "string") continue;
    if ((parseQuantity(text)?.milli ?? 0) > (parseQuantity(limit)?.milli ?? 0))
      errors.push(invalidValue(`${path}.requests`, text, `must be less than or equal to ${name} limit of ${limit}`));
  }
  return errors;
}

const COMPUTE = ["cpu", "memory"];

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qosClass(containers: readonly JsonObject[]): "Guaranteed" | "Burstable" | "BestEffort" {
  const milli = (container: JsonObject, field: string, name: string): number => {
    const list = isObject(container.resources) ? container.resources[field] : undefined;
    const text = isObject(list) ? list[name] : undefined;
    return typeof text === "string" ? (parseQuantity(text)?.milli ?? 0) : 0;
  };
  const any = containers.some((one) =>
    COMPUTE.some((name) => milli(one, "requests", name) + milli(one, "limits", name) > 0),
  );
  if (!any) return "BestEffort";
  const full = containers.every((one) =>
    COMPUTE.every(
      (name) => milli(one, "limits", name) > 0 && milli(one, "limits", name) === milli(one, "requests", name),
    ),
  );
  return full ? "Guaranteed" : "Burstable";
}
