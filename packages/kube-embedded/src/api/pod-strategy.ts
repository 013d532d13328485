import { isDeepStrictEqual } from "node:util";
import { at, isObject, type Json, type JsonObject, listAt, textAt } from "../store/json.ts";
import { deepCopy, type KubeObject } from "../store/object.ts";
import type { FieldError } from "./api-error.ts";
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notFound,
  notSupported,
  required,
  wrongType,
} from "./field-errors.ts";
import { isDnsLabel } from "./metadata-rules.ts";
import { defaultResources, resourceErrors } from "./pod-resources.ts";
import type { Strategy } from "./resource-type.ts";

const DEFAULT_GRACE_SECONDS = 30;
const RESTART_POLICIES = ["Always", "OnFailure", "Never"];

function preset(target: JsonObject, values: JsonObject): void {
  for (const [key, value] of Object.entries(values))
    if (target[key] === undefined || target[key] === null) target[key] = value;
}

const containersOf = (spec: JsonObject, field: string): JsonObject[] => {
  const list = spec[field];
  return Array.isArray(list) ? list.filter((one) => isObject(one)) : [];
};

function setDefaults(spec: JsonObject): void {
  preset(spec, {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: DEFAULT_GRACE_SECONDS,
    dnsPolicy: "ClusterFirst",
    serviceAccountName: "default",
    securityContext: {},
    schedulerName: "default-scheduler",
    enableServiceLinks: true,
  });
  spec.serviceAccount = spec.serviceAccountName;
  for (const container of [...containersOf(spec, "initContainers"), ...containersOf(spec, "containers")]) {
    const image = textAt(container, "image") ?? "";
    const latest = !image.includes("@") && (image.endsWith(":latest") || !/:[^/]+$/.test(image));
    preset(container, {
      resources: {},
      terminationMessagePath: "/dev/termination-log",
      terminationMessagePolicy: "File",
      imagePullPolicy: latest ? "Always" : "IfNotPresent",
    });
    defaultResources(container);
  }
}

function envErrors(container: JsonObject, path: string): FieldError[] {
  return listAt(container, "env").flatMap((variable, n) =>
    (textAt(variable, "name") ?? "") === "" ? [required(`${path}.env[${n}].name`)] : [],
  );
}

function mountErrors(container: JsonObject, path: string, volumes: ReadonlySet<string>): FieldError[] {
  return listAt(container, "volumeMounts").flatMap((mount, n) => {
    const place = `${path}.volumeMounts[${n}]`;
    const name = textAt(mount, "name") ?? "";
    const named = name === "" ? [required(`${place}.name`)] : [];
    const known = volumes.has(name) ? [] : [notFound(`${place}.name`, name)];
    return [...named, ...known, ...((textAt(mount, "mountPath") ?? "") === "" ? [required(`${place}.mountPath`)] : [])];
  });
}

function containerErrors(spec: JsonObject, field: string, seen: Set<string>): FieldError[] {
  const list = spec[field];
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) return [wrongType(`spec.${field}`, list, "array")];
  const volumes = new Set(listAt(spec, "volumes").map((volume) => textAt(volume, "name") ?? ""));
  return list.flatMap((container, n) => {
    const path = `spec.${field}[${n}]`;
    if (!isObject(container)) return [wrongType(path, container, "object")];
    const errors: FieldError[] = [];
    const name = container.name;
    if (typeof name !== "string" || name === "") errors.push(required(`${path}.name`));
    else if (!isDnsLabel(name)) errors.push(invalidValue(`${path}.name`, name, "a lowercase RFC 1123 label is needed"));
    else if (seen.has(name)) errors.push(duplicate(`${path}.name`, name));
    else seen.add(name);
    if (typeof container.image !== "string" || container.image.trim() === "") errors.push(required(`${path}.image`));
    errors.push(...resourceErrors(container.resources, `${path}.resources`));
    errors.push(...envErrors(container, path), ...mountErrors(container, path, volumes));
    for (const part of ["command", "args", "env", "volumeMounts"]) {
      const value = container[part];
      if (value !== undefined && value !== null && !Array.isArray(value))
        errors.push(wrongType(`${path}.${part}`, value, "array"));
    }
    return errors;
  });
}

/** What may not change in the spec of an existing pod; its node comes by a binding only (bind-pod.ts). */
function comparable(pod: KubeObject): Json {
  const spec = isObject(pod.spec) ? deepCopy(pod.spec) : {};
  for (const container of [...containersOf(spec, "initContainers"), ...containersOf(spec, "containers")])
    delete container.image;
  for (const field of ["activeDeadlineSeconds", "tolerations", "schedulingGates"]) delete spec[field];
  return spec;
}

/** Without restarts, what has ended stays so (pkg/apis/core/validation, ValidateContainerStateTransition). */
function restartErrors(pod: KubeObject, before: KubeObject): FieldError[] {
  if (textAt(pod, "spec", "restartPolicy") !== "Never") return [];
  return ["initContainerStatuses", "containerStatuses"].flatMap((field) => {
    const ended = listAt(before, "status", field).filter((one) => at(one, "state", "terminated") !== undefined);
    const names = new Set(ended.map((one) => textAt(one, "name")));
    return listAt(pod, "status", field).flatMap((one, n) =>
      names.has(textAt(one, "name")) && at(one, "state", "terminated") === undefined
        ? [forbiddenField(`status.${field}[${n}].state`, "may not be transitioned to non-terminated state")]
        : [],
    );
  });
}

export const podStrategy: Strategy = {
  prepareCreate(pod) {
    if (isObject(pod.spec)) setDefaults(pod.spec);
    pod.status = { phase: "Pending" };
  },
  validate(pod, before) {
    const spec = pod.spec;
    if (!isObject(spec)) return [required("spec")];
    const names = new Set<string>();
    const errors = [...containerErrors(spec, "initContainers", names), ...containerErrors(spec, "containers", names)];
    if (containersOf(spec, "containers").length === 0) errors.push(required("spec.containers"));
    if (typeof spec.restartPolicy !== "string" || !RESTART_POLICIES.includes(spec.restartPolicy)) {
      errors.push(notSupported("spec.restartPolicy", spec.restartPolicy, RESTART_POLICIES));
    }
    const grace = spec.terminationGracePeriodSeconds;
    if (typeof grace !== "number" || grace < 0 || !Number.isInteger(grace)) {
      errors.push(invalidValue("spec.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0"));
    }
    if (before !== undefined && !isDeepStrictEqual(comparable(pod), comparable(before))) {
      errors.push(
        forbiddenField(
          "spec",
          "pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing tolerations)",
        ),
      );
    }
    if (before !== undefined) errors.push(...restartErrors(pod, before));
    return errors;
  },
  graceSeconds(pod, requested) {
    const phase = textAt(pod, "status", "phase");
    if (!textAt(pod, "spec", "nodeName") || phase === "Succeeded" || phase === "Failed") return 0;
    return requested ?? Number(at(pod, "spec", "terminationGracePeriodSeconds") ?? DEFAULT_GRACE_SECONDS);
  },
};
