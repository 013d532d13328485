import type { StartProblem } from "../pod/observe.ts";
import type { Outcome } from "./outcome.ts";

/** Containers that will never start, whatever is waited for. */
const hopeless: ReadonlySet<string> = new Set(["InvalidImageName", "CreateContainerConfigError"]);

/** A registry that is down or throttles is no fault of the task. */
const registryTrouble = /\b(429|5\d\d)\b|too many requests|toomanyrequests|timeout|connection refused|temporary failure/i;

/** The verdict on a container that does not start, `undefined` while it may still. */
export function judgeStart({ reason, message }: StartProblem, waitedMs: number, graceMs: number): Outcome | undefined {
  const text = `${reason}: ${message}`;
  if (hopeless.has(reason)) return { kind: "user", final: true, code: reason, message: text };
  if (waitedMs < graceMs) return undefined;
  if (reason === "ImagePullBackOff" || reason === "ErrImagePull") {
    if (registryTrouble.test(message)) return { kind: "system", code: "ImagePullBackOff", message: text };
    return { kind: "user", final: false, code: "ImagePullBackOff", message: text };
  }
  return { kind: "user", final: true, code: reason, message: text };
}
