import { createHash } from "node:crypto";

/** Labels of TaskActions and pods. */
export const labels = {
  project: "flyte.org/project",
  domain: "flyte.org/domain",
  run: "flyte.org/run",
  action: "flyte.org/action",
  actionType: "flyte.org/action-type",
  isRoot: "flyte.org/is-root",
  terminationStatus: "flyte.org/termination-status",
  completedTime: "flyte.org/completed-time",
  /** On pods: the informer's selector. */
  managed: "flyte.org/managed",
  attempt: "homeplane.dev/attempt",
  /** On pods: the name of the action whose task waits for this one. */
  parent: "homeplane.dev/parent",
} as const;

/** On a pod that takes secrets, and on the Kubernetes Secret of the same name that holds them for it. */
export const taskSecretLabel = "homeplane.dev/task-secrets";
/** On the namespaces of projects' domains, whoever made them: which ones are ours to work in. */
export const taskNamespaceLabel = { name: "union.ai/namespace-type", value: "flyte" } as const;
/** Where users' secrets are kept; no project's namespace may be it. */
export const secretsNamespace = "homeplane-secrets";

/** On TaskActions: nothing outside exists without it, and it goes when everything outside is gone and told. */
export const taskActionFinalizer = "flyte.org/plugin-finalizer";
/** On TaskActions with traces that the control plane has not been told of. */
export const tracesFinalizer = "homeplane.dev/traces";
/** On pods: holds a deletion until the log's tail is archived. */
export const logsFinalizer = "homeplane.dev/logs";
/** On a TaskAction that is being aborted: why, in the words of the one who did. */
export const abortReasonAnnotation = "homeplane.dev/abort-reason";
/** On pods of cached tasks: the key of their result, what the look-up gave, and whether others wait for it. */
export const cacheKeyAnnotation = "homeplane.dev/cache-key";
export const cacheStatusAnnotation = "homeplane.dev/cache-status";
export const cacheReservedAnnotation = "homeplane.dev/cache-reserved";

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** Namespaces that belong to Kubernetes or to us. */
const reserved = new RegExp(`^(default|union|${secretsNamespace}|kube-.*)$`);

/** The first `length` hex digits of the content's SHA-256. */
export function shortHash(content: string | Uint8Array, length = 8): string {
  return createHash("sha256").update(content).digest("hex").slice(0, length);
}

/** Lower case, digits and inner dashes only, at most `length` characters; never empty. */
function sanitize(text: string, length: number): string {
  const clean = text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return clean.replace(/^-+/, "").slice(0, length).replace(/-+$/, "") || "x";
}

/** The namespace of a project's domain: `{project}-{domain}` where that is a valid, unreserved label, else cut and hashed. */
export function namespaceOf(project: string, domain: string): string {
  const plain = `${project}-${domain}`;
  if (dnsLabel.test(plain) && !reserved.test(plain) && !domain.includes("-")) return plain;
  // A reserved start would make it Kubernetes' own again.
  const clean = sanitize(plain, 52);
  const own = /^kube(-|$)/.test(clean) ? `p-${clean}` : clean;
  return `${own}-${shortHash(`${project}\n${domain}`)}`;
}

/**
 * A TaskAction's name: `<run>-<action>`. Where that could mean two different pairs (a dash in the action's name), is no DNS label
 * or is too long, a hash after a dot, which no plain name contains, tells them apart.
 */
export function taskActionName(run: string, action: string): string {
  const plain = `${run}-${action}`;
  if (dnsLabel.test(plain) && !action.includes("-")) return plain;
  return `${sanitize(plain, 50)}.${shortHash(`${run}\n${action}`)}`;
}

/** A pod's name is a function of (uid, attempt, incarnation): a relaunch can never adopt the pod before it. */
export function podName(taskAction: { name: string; uid: string }, attempt: number, incarnation: number): string {
  return `${sanitize(taskAction.name, 38)}-${shortHash(taskAction.uid)}-${attempt}-${incarnation}`;
}

/** A label's value may hold any name that Flyte allows; what Kubernetes refuses is replaced by a hash of it. */
export function labelValue(text: string): string {
  return /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(text) ? text : `h-${shortHash(text, 16)}`;
}
