import type { StartProblem } from "../pod/observe.ts";
import type { Outcome } from "./outcome.ts";

/** Containers that will never start, whatever is waited for. */
const hopeless: ReadonlySet<string> = new Set(["InvalidImageName", "CreateContainerConfigError"]);

/** What the kubelet tells in events: of a node, its volumes or its network, unless what the pod names is not there. */
const ofTheNode: ReadonlySet<string> = new Set([
  ...["FailedMount", "FailedMapVolume", "FailedAttachVolume", "FailedCreatePodSandBox"],
]);

/** What the pod template names, and the cluster does not have. */
export function isMissing({ message }: StartProblem): boolean {
  return /\b(?:configmap|secret|persistentvolumeclaim)s? .*not found|references non-existent/i.test(message);
}

/** A registry that is down or throttles is no fault of the task. */
const registryTrouble = new RegExp(
  [
    // Numbers alone would take an image's tag or port for a status.
    String.raw`\bstatus(?: code)?\b[^\d\n]{0,60}(?:429|5\d\d)\b`,
    String.raw`\b(?:429 Too Many|500 Internal|502 Bad Gateway|503 Service|504 Gateway)`,
    String.raw`too many requests|toomanyrequests|i/o timeout|handshake timeout|deadline exceeded|Client\.Timeout`,
    String.raw`connection (?:refused|reset)|temporary failure`,
  ].join("|"),
  "i",
);

/** The verdict on a container that does not start, `undefined` while it may still. */
export function judgeStart({ reason, message }: StartProblem, graceIsOver: boolean): Outcome | undefined {
  const text = `${reason}: ${message}`;
  if (hopeless.has(reason)) return { kind: "user", final: true, code: reason, message: text };
  if (!graceIsOver) return undefined;
  if (reason === "ImagePullBackOff" || reason === "ErrImagePull") {
    if (registryTrouble.test(message)) return { kind: "system", code: "ImagePullBackOff", message: text };
    return { kind: "user", final: false, code: "ImagePullBackOff", message: text };
  }
  if (ofTheNode.has(reason) && !isMissing({ reason, message })) return { kind: "system", code: reason, message: text };
  return { kind: "user", final: true, code: reason, message: text };
}
