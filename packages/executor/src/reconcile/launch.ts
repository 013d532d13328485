/** Creating a pod, and what each refusal means. */
import type { TaskAction } from "@homeplane/idl";
import { isAlreadyExists, type KubeClient, KubeError, type Pod, pods } from "@homeplane/kube";
import { ObjectStoreError } from "@homeplane/object-store";
import type { PodCache } from "../cache/pod-cache.ts";
import { buildPod } from "../pod/build-pod.ts";
import { InvalidSpecError, podContext, PrimaryContainerMissing } from "../pod/task.ts";
import type { Deps } from "./deps.ts";
import type { Outcome } from "./outcome.ts";
import { namedInputs } from "./named-inputs.ts";
import { placeSecrets } from "./place-secrets.ts";
import { previousCheckpoint } from "./previous-checkpoint.ts";
import { timeLimitsOf } from "./time-limits.ts";

export type Launch =
  | { readonly kind: "created" }
  /** A quota is used up, or the namespace is still being set up: it passes by itself. `refusal`: unless it has not after the grace time. */
  | { readonly kind: "waiting"; readonly message: string; readonly refusal?: Refusal }
  /** Nobody knows what it was: tried again until it works. */
  | { readonly kind: "failed"; readonly message: string; readonly error: unknown }
  | {
      readonly kind: "refused";
      readonly outcome: Refusal;
      readonly reason?: "InvalidSpec" | "PluginNotFound";
    };

type Refusal = Exclude<Outcome, { kind: "success" }>;

/** Task types that are one pod. */
const podTaskTypes: ReadonlySet<string> = new Set(["python", "python-task", "container", "raw-container", "sidecar"]);

/**
 * Refusals that pass by themselves: a used-up quota, one that is not counted yet, a namespace whose service account is still being made, one that is being
 * deleted, and the action with it.
 */
const passing =
  /exceeded quota|status unknown for quota|error looking up service account|because it is being terminated/;

const refusals: Readonly<Record<number, string>> = {
  400: "AdmissionDenied",
  403: "AdmissionDenied",
  413: "InvalidResource",
  422: "InvalidResource",
};

/** `taskAction` is the whole resource, read just now. Throws what is no answer of the API's. */
export async function launchPod(
  deps: Pick<Deps, "client" | "store" | "secrets" | "config">,
  taskAction: TaskAction,
  cache: PodCache | undefined,
  signal: AbortSignal,
): Promise<Launch> {
  const { taskType = "" } = taskAction.spec;
  if (!podTaskTypes.has(taskType)) {
    const message = taskType === "" ? "spec.taskType: is required" : `there is no plugin for task type "${taskType}"`;
    const code = taskType === "" ? "InvalidSpec" : "PluginNotFound";
    return { kind: "refused", outcome: { kind: "user", final: true, code, message }, reason: code };
  }
  let account: string | undefined;
  try {
    const previousPrefix = await previousCheckpoint(deps.store, taskAction, signal);
    const context = podContext(deps.config.pod, taskAction, { cache, previousPrefix });
    timeLimitsOf(context.template.metadata);
    const inputs = await namedInputs(deps.store, context, signal);
    const pod = buildPod({ ...context, inputs });
    account = pod.spec.serviceAccountName;
    const hindered = await placeSecrets(deps.secrets, context, signal);
    if (hindered !== undefined) return hindered;
    await createOrAdopt(deps.client, pod, taskAction, signal);
    return { kind: "created" };
  } catch (error) {
    if (error instanceof NameTakenError)
      return { kind: "refused", outcome: { kind: "system", code: "PodNameTaken", message: error.message } };
    if (error instanceof PrimaryContainerMissing) {
      return {
        kind: "refused",
        outcome: { kind: "user", final: true, code: "PrimaryContainerNotFound", message: error.message },
      };
    }
    if (error instanceof InvalidSpecError) {
      const outcome = { kind: "user" as const, final: true, code: "InvalidSpec", message: error.message };
      return { kind: "refused", outcome, reason: "InvalidSpec" };
    }
    if (error instanceof ObjectStoreError)
      return {
        kind: "failed",
        message: `the object store can not be asked for the last checkpoint: ${error.message}`,
        error,
      };
    if (!(error instanceof KubeError)) throw error;
    if (error.status === 403 && passing.test(error.message)) {
      // Ours is made with the namespace; one that a pod template names may never come.
      const isOurs = account === deps.config.pod.serviceAccount || !/looking up service account/.test(error.message);
      const refusal = { kind: "user", final: true, code: "AdmissionDenied", message: error.message } as const;
      return { kind: "waiting", message: error.message, ...(isOurs ? {} : { refusal }) };
    }
    const code = refusals[error.status];
    if (code === undefined) {
      const answer = error.status === 0 ? error.reason : `${error.status} ${error.reason}`;
      return {
        kind: "failed",
        message: `the Kubernetes API did not take the pod (${answer}): ${error.message}`,
        error,
      };
    }
    return { kind: "refused", outcome: { kind: "user", final: true, code, message: error.message } };
  }
}

class NameTakenError extends Error {}

/** A pod of that name is what an earlier try of ours made, unless its owner is somebody else. */
async function createOrAdopt(
  client: KubeClient,
  pod: Pod,
  { metadata }: TaskAction,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.create(pods, pod, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const { name, namespace = "" } = pod.metadata;
    const found = await client.get(pods, { name, namespace }, { signal });
    if (found.metadata.ownerReferences?.some(({ uid, controller }) => controller === true && uid === metadata.uid))
      return;
    throw new NameTakenError(`pod ${namespace}/${name} exists and belongs to somebody else`, { cause: error });
  }
}
