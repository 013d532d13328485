import {
  abortReasonAnnotation,
  labels,
  labelValue,
  namespaceOf,
  type TaskAction,
  taskActionName,
  taskActions,
} from "@homeplane/idl";
import type { AbortAction, Order, StartAction } from "@homeplane/idl/homeplane/v1/orchestration";
import {
  deleteWithReason,
  isAlreadyExists,
  isConflict,
  isNotFound,
  type KubeClient,
  KubeError,
  type ResourceType,
} from "@homeplane/kube";
import type { Tenant } from "./namespaces/names.ts";
import { type Verdict, verdictOn } from "./namespaces/verdict.ts";
import { NotYetError } from "./not-yet.ts";
import { signalCondition } from "./signal-condition.ts";
import { InvalidOrderError, taskActionOf } from "./task-action.ts";

const taskActionType: ResourceType<TaskAction> = taskActions;

/** The server will say the same the next time. */
const refused: ReadonlySet<number> = new Set([400, 413, 422]);
/** Deletions under way at once. */
const abortsAtOnce = 32;

/** Why an order will never be carried out. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export interface OrderTools {
  readonly client: KubeClient;
  /** Whether a project's domain has a namespace; makes it at need. */
  readonly ensureNamespace: (project: string, domain: string, signal: AbortSignal) => Promise<Verdict>;
}

/** Resolves when the order is stored, with a refusal when it never can be; throws when it may be tried again, NotYetError when somebody should hear why. */
export async function carryOut(tools: OrderTools, { order }: Order, signal: AbortSignal): Promise<Refusal | undefined> {
  const { client } = tools;
  try {
    if (order.case === "start") return await start(tools, order.value, signal);
    if (order.case === "abort") await abort(client, order.value, signal);
    if (order.case === "signal") return await signalCondition(client, order.value, signal);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidOrderError) return { code: "InvalidSpec", message: error.message };
    if (error instanceof KubeError && refused.has(error.status) && !isConflict(error))
      return { code: "InvalidResource", message: error.message };
    throw error;
  }
}

async function start(tools: OrderTools, order: StartAction, signal: AbortSignal): Promise<Refusal | undefined> {
  const { client } = tools;
  const wanted = taskActionOf(order);
  const { project, domain } = wanted.spec;
  const verdict = await tools.ensureNamespace(project, domain, signal);
  if (verdict.kind === "refused") return { code: verdict.code, message: verdict.message };
  if (verdict.kind === "waiting") throw new NotYetError(verdict.code, verdict.message);
  try {
    await client.create(taskActionType, wanted, { signal });
    return undefined;
  } catch (error) {
    if (!isAlreadyExists(error)) throw notYet(error, { namespace: wanted.metadata.namespace ?? "", project, domain });
  }
  const { namespace = "", name } = wanted.metadata;
  const existing = await client.get(taskActionType, { namespace, name }, { signal });
  // The same order once more: done already. Another action of that name: compared, not assumed.
  const same = existing.spec.runName === wanted.spec.runName && existing.spec.actionName === wanted.spec.actionName;
  return same
    ? undefined
    : { code: "NameTaken", message: `TaskAction ${namespace}/${name} belongs to run ${existing.spec.runName}` };
}

/** A refusal that whoever waits should hear of; other failures are the API's, and pass. */
function notYet(error: unknown, tenant: Tenant): unknown {
  if (!(error instanceof KubeError) || (error.status !== 403 && error.status !== 404)) return error;
  const { namespace } = tenant;
  const verdict = verdictOn(error, tenant, "provision");
  if (verdict?.code === "NamespaceTerminating") return new NotYetError(verdict.code, verdict.message, { cause: error });
  const message = `the TaskAction can not be stored in namespace ${namespace}: ${error.message}`;
  return new NotYetError("NotStored", message, { cause: error });
}

/** The action and all of its descendants, at once: garbage collection by owner would stop them one generation after the other. */
async function abort(client: KubeClient, { actionId, reason }: AbortAction, signal: AbortSignal): Promise<void> {
  const run = actionId?.run;
  if (actionId === undefined || run === undefined) throw new InvalidOrderError("action_id", "is required");
  const namespace = namespaceOf(run.project, run.domain);
  const { items } = await client.list(taskActionType, {
    namespace,
    labelSelector: `${labels.run}=${labelValue(run.name)}`,
    signal,
  });
  const ofRun = items.filter((item) => item.spec.runName === run.name);
  const root = ofRun.find((item) => item.metadata.name === taskActionName(run.name, actionId.name));
  if (root === undefined) return;
  const all = withDescendants(root, ofRun);
  for (let start = 0; start < all.length; start += abortsAtOnce) {
    await Promise.all(all.slice(start, start + abortsAtOnce).map((item) => abortOne(client, item, reason, signal)));
  }
}

export function withDescendants(root: TaskAction, all: readonly TaskAction[]): TaskAction[] {
  const children = Map.groupBy(all, ({ spec }) => spec.parentActionName);
  const found = new Set([root]);
  // The set grows while it is walked: children of children are found behind it.
  for (const parent of found) for (const child of children.get(parent.spec.actionName) ?? []) found.add(child);
  return [...found];
}

async function abortOne(
  client: KubeClient,
  { metadata, status }: TaskAction,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const ended = (status?.conditions ?? []).some(
    (condition) => condition.type !== "Progressing" && condition.status === "True",
  );
  if (ended || metadata.deletionTimestamp !== undefined) return;
  const name = { namespace: metadata.namespace ?? "", name: metadata.name };
  const why = { annotation: abortReasonAnnotation, reason, uid: metadata.uid, signal };
  await deleteWithReason(client, taskActionType, name, why).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
