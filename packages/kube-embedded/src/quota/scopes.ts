import type { Pod } from "@homeplane/kube";
import { at, isObject, type Json, listAt, textAt } from "../store/json.ts";

type Requirement = { readonly scope: string; readonly operator: string; readonly values: readonly Json[] };

export const SCOPES = ["Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass"];
export const OPERATORS = ["In", "NotIn", "Exists", "DoesNotExist"];

export function requirementsOf(spec: Json | undefined): readonly Requirement[] {
  const plain = listAt(spec, "scopes").map((scope) => ({
    scope: typeof scope === "string" ? scope : "",
    operator: "Exists",
    values: [],
  }));
  const selected = listAt(spec, "scopeSelector", "matchExpressions").map((one) => ({
    scope: textAt(one, "scopeName") ?? "",
    operator: textAt(one, "operator") ?? "",
    values: listAt(one, "values"),
  }));
  return [...plain, ...selected];
}

/** Scopes speak of pods alone: a quota that has some counts nothing else. */
export function isInScope(pod: Pod, requirements: readonly Requirement[]): boolean {
  return requirements.every(({ scope, operator, values }) => {
    switch (scope) {
      case "Terminating":
        return pod.spec.activeDeadlineSeconds !== undefined;
      case "NotTerminating":
        return pod.spec.activeDeadlineSeconds === undefined;
      case "BestEffort":
        return pod.status?.qosClass === "BestEffort";
      case "NotBestEffort":
        return pod.status?.qosClass !== "BestEffort";
      case "PriorityClass":
        return matches(pod.spec.priorityClassName ?? "", operator, values);
      default:
        return false;
    }
  });
}

function matches(value: string, operator: string, values: readonly Json[]): boolean {
  if (operator === "In") return values.includes(value);
  if (operator === "NotIn") return !values.includes(value);
  return (value !== "") === (operator === "Exists");
}

export function hardOf(spec: Json | undefined): Readonly<Record<string, string>> {
  const hard = at(spec, "hard");
  if (!isObject(hard)) return {};
  return Object.fromEntries(
    Object.entries(hard).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}
