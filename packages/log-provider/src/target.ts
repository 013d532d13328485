import { Code, ConnectError } from "@connectrpc/connect";
import { labels, labelValue, namespaceOf } from "@homeplane/idl";
import type { TailLogsRequest } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import type { ActionAttempt } from "./task-pod.ts";

export type Pick =
  | { readonly kind: "primary" }
  | { readonly kind: "all" }
  | { readonly kind: "pod"; readonly name: string };

/** What a request asks for. */
export interface Target {
  readonly owner: ActionAttempt;
  readonly namespace: string;
  readonly labelSelector: string;
  readonly pick: Pick;
  /** For messages. */
  readonly title: string;
}

/** Throws INVALID_ARGUMENT, naming the field. The organisation is the data plane's own, whatever the request says. */
export function targetOf(org: string, { actionId, attempt, podSelector }: TailLogsRequest): Target {
  const project = required("action_id.run.project", actionId?.run?.project);
  const domain = required("action_id.run.domain", actionId?.run?.domain);
  const run = required("action_id.run.name", actionId?.run?.name);
  const action = required("action_id.name", actionId?.name);
  if (attempt === 0) throw invalid("attempt", "counts from 1");
  // A pod knows these names from its labels only, so both sides use the labels' form, which is the name itself where it can be.
  const scope = { org, project: labelValue(project), domain: labelValue(domain), run: labelValue(run) };
  const owner = { scope, action: labelValue(action), attempt };
  const selector = {
    [labels.managed]: "true",
    [labels.project]: scope.project,
    [labels.domain]: scope.domain,
    [labels.run]: scope.run,
    [labels.action]: owner.action,
    [labels.attempt]: String(attempt),
  };
  return {
    owner,
    namespace: namespaceOf(project, domain),
    labelSelector: Object.entries(selector)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    pick: pickOf(podSelector),
    title: `attempt ${attempt} of action ${action} of run ${run}`,
  };
}

function pickOf(selector: TailLogsRequest["podSelector"]): Pick {
  if (selector.case === "podName") return { kind: "pod", name: required("pod_name", selector.value) };
  return selector.case === "allPods" && selector.value ? { kind: "all" } : { kind: "primary" };
}

function required(field: string, value: string | undefined): string {
  if (value === undefined || value === "") throw invalid(field, "is required");
  return value;
}

const invalid = (field: string, what: string): ConnectError =>
  new ConnectError(`${field}: ${what}`, Code.InvalidArgument);
