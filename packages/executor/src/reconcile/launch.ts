/** Creating a pod, and what each refusal means. */
import type { TaskAction } from "@homeplane/idl";
import { isAlreadyExists, type KubeClient, KubeError, pods } from "@homeplane/kube";
import type { PodConfig } from "../config.ts";
import { buildPod } from "../pod/build-pod.ts";
import { InvalidSpecError, podContext } from "../pod/task.ts";
import type { Outcome } from "./outcome.ts";

export type Launch =
  | { readonly kind: "created" }
  /** A quota is used up: it frees by itself. */
  | { readonly kind: "waiting"; readonly message: string }
  | { readonly kind: "refused"; readonly outcome: Extract<Outcome, { kind: "user" }>; readonly reason?: "InvalidSpec" | "PluginNotFound" };

/** Task types that are one pod. */
const podTaskTypes: ReadonlySet<string> = new Set(["python", "python-task", "container", "raw-container", "sidecar"]);

/** `taskAction` is the whole resource, read just now. Throws what may pass: the queue tries again. */
export async function launchPod(client: KubeClient, config: PodConfig, taskAction: TaskAction, signal: AbortSignal): Promise<Launch> {
  const { taskType = "" } = taskAction.spec;
  if (!podTaskTypes.has(taskType)) {
    const message = taskType === "" ? "spec.taskType: is required" : `there is no plugin for task type "${taskType}"`;
    const code = taskType === "" ? "InvalidSpec" : "PluginNotFound";
    return { kind: "refused", outcome: { kind: "user", final: true, code, message }, reason: code };
  }
  try {
    await client.create(pods, buildPod(podContext(config, taskAction)), { signal });
    return { kind: "created" };
  } catch (error) {
    if (error instanceof InvalidSpecError) {
      const outcome = { kind: "user" as const, final: true, code: "InvalidSpec", message: error.message };
      return { kind: "refused", outcome, reason: "InvalidSpec" };
    }
    // The name holds our uid: it is the pod that an earlier try made.
    if (isAlreadyExists(error)) return { kind: "created" };
    if (!(error instanceof KubeError)) throw error;
    if (error.status === 403 && /exceeded quota/.test(error.message)) return { kind: "waiting", message: error.message };
    const code = error.status === 422 ? "InvalidResource" : error.status === 403 || error.status === 400 ? "AdmissionDenied" : undefined;
    if (code === undefined) throw error;
    return { kind: "refused", outcome: { kind: "user", final: true, code, message: error.message } };
  }
}
