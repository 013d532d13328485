import { trustConfigMap } from "@homeplane/idl";
import type { StartProblem } from "../pod/observe.ts";
import { pullReasons, registryTrouble, startText } from "../pod/start-text.ts";
import type { Outcome } from "./outcome.ts";

/** Containers that will never start, whatever is waited for. */
const hopeless: ReadonlySet<string> = new Set(["InvalidImageName", "CreateContainerConfigError"]);

/** What the kubelet tells in events: of a node, its volumes or its network, unless what the pod names is not there. */
const ofTheNode: ReadonlySet<string> = new Set([
  ...["FailedMount", "FailedMapVolume", "FailedAttachVolume", "FailedCreatePodSandBox", "NetworkNotReady"],
]);

/** Anybody may write a warning, and many pass (a pull secret that a public image does not need): these alone can end an attempt, others are only shown. */
export function endsAttempt({ reason }: Pick<StartProblem, "reason">): boolean {
  return ofTheNode.has(reason);
}

/** What the pod template names, and the cluster does not have. */
export function isMissing({ message }: Pick<StartProblem, "message">): boolean {
  return /\b(?:configmap|secret|persistentvolumeclaim)s? .*not found|references non-existent/i.test(message);
}

/** What we have put into the pod ourselves: that it is missing is no fault of the task. */
function isOurs({ message }: StartProblem, podName: string): boolean {
  return message.includes(`"${trustConfigMap}"`) || message.includes(`"${podName}"`);
}

/** The verdict on a container that does not start, `undefined` while it may still. */
export function judgeStart(problem: StartProblem, graceIsOver: boolean, podName: string): Outcome | undefined {
  const { reason, message } = problem;
  const text = startText(problem);
  if (hopeless.has(reason)) return { kind: "user", final: true, code: reason, message: text };
  if (!graceIsOver) return undefined;
  if (pullReasons.has(reason)) {
    if (registryTrouble.test(message)) return { kind: "system", code: "ImagePullBackOff", message: text };
    return { kind: "user", final: false, code: "ImagePullBackOff", message: text };
  }
  if (ofTheNode.has(reason) && (!isMissing(problem) || isOurs(problem, podName)))
    return { kind: "system", code: reason, message: text };
  return { kind: "user", final: true, code: reason, message: text };
}
