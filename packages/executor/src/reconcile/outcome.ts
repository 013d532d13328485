/**
 * What the end of a pod means. Pure; the table is in docs/reference/failures.md. Every failure is of one class: a user failure uses up a
 * retry, a system failure never does.
 */
import type { ContainerError } from "@homeplane/idl/flyteidl2/core/execution";
import { ContainerError_Kind, ExecutionError_ErrorKind } from "@homeplane/idl/flyteidl2/core/execution";
import { bundleContainer } from "../pod/bundle.ts";
import type { PodEnd } from "../pod/observe.ts";
import type { ErrorHead } from "./error-head.ts";

export type Outcome =
  | { readonly kind: "success" }
  | { readonly kind: "user"; readonly final: boolean; readonly code: string; readonly message: string }
  /** The task's own bound on its time is exceeded. */
  | { readonly kind: "timeout"; readonly final: boolean; readonly code: string; readonly message: string }
  | {
      readonly kind: "system";
      readonly code: string;
      readonly message: string;
      /** The node was stopped in an orderly way: not even the budget for system failures is charged. */
      readonly nodeStop?: boolean;
    };

/** An error document that was not read whole: its size in bytes, and what stands at its start. */
export interface TooLargeError extends ErrorHead {
  readonly tooLarge: number;
}

/** What was found at the attempt's output prefix. */
export interface AttemptFiles {
  readonly error?: ContainerError | TooLargeError | "unreadable";
  readonly outputs: boolean;
}

/** What the SDK's exceptions look for in a code; keep these words. */
const signalledExit: ReadonlySet<number> = new Set([137, 247]);

export function classifyEnd(end: PodEnd, files: AttemptFiles, outputsDeclared: boolean): Outcome {
  if (files.error === "unreadable")
    return user("ErrorUnreadable", "error.pb is no protobuf flyteidl2.core.ErrorDocument");
  if (files.error !== undefined)
    return "tooLarge" in files.error ? fromLargeError(files.error) : fromErrorFile(files.error);
  if (end.primaryMissing) return user("PrimaryContainerNotFound", "the pod has no primary container", true);
  // Outputs are written last. Exit code 0 alone does not tell a task that finished from one that gave in to SIGTERM; and the interpreter of one that
  // finished may yet be ended by a signal while it shuts down (seen: SIGABRT, of a thread of a Rust library that asks for an interpreter that is gone).
  const finished = files.outputs && (end.exitCode === 0 || diedBySignal(end));
  if (end.overDeadline && !finished)
    return user("DeadlineExceeded", "the pod was active for longer than its template's activeDeadlineSeconds");
  if (end.overDisk !== undefined)
    return user("EphemeralStorageExceeded", `${end.overDisk} Raise that limit, or keep less on the pod's disk.`);
  if (end.reason === "OOMKilled") return user("OOMKilled", withLog("the task used more memory than its limit", end));
  if (end.disruption !== undefined && !finished) {
    const nodeStop = end.nodeStop ? { nodeStop: true } : {};
    return { kind: "system", code: "Interrupted", message: end.disruption, ...nodeStop };
  }
  if (end.exitCode === undefined)
    return {
      kind: "system",
      code: "Interrupted",
      message: end.message || end.reason || "the pod ended without a result",
    };
  if (end.failedInit === bundleContainer)
    return {
      kind: "system",
      code: "BundleNotFetched",
      message: end.message || `init container ${bundleContainer} failed`,
    };
  if (end.exitCode !== 0 && !finished) return fromExitCode(end, end.exitCode);
  if (end.sidecarOom) return user("OOMKilled", "a container beside the task's used more memory than its limit");
  if (end.outputsProblem !== undefined && !files.outputs) return user("OutputsInvalid", end.outputsProblem);
  if (outputsDeclared && !files.outputs) {
    return {
      kind: "system",
      code: "OutputsMissing",
      message: "the task ended with exit code 0 but wrote no outputs.pb",
    };
  }
  return { kind: "success" };
}

/** Exit codes above 128 are 128 and the signal's number, as container runtimes report them. */
function diedBySignal({ exitCode = 0 }: PodEnd): boolean {
  return exitCode > 128 && exitCode < 128 + 65;
}

function fromExitCode(end: PodEnd, exitCode: number): Outcome {
  if (signalledExit.has(exitCode)) {
    return {
      kind: "system",
      code: "Interrupted",
      message: withLog(`the task was killed (exit code ${exitCode})`, end),
    };
  }
  const code = end.reason === "" || end.reason === "Error" ? `ExitCode${exitCode}` : end.reason;
  const what = end.failedInit === undefined ? "the task" : `init container ${end.failedInit}`;
  return user(code, withLog(`${what} ended with exit code ${exitCode}`, end));
}

/** Whether it is recoverable stands after the message: it is taken to be. */
function fromLargeError({ tooLarge, code, message }: TooLargeError): Outcome {
  const begins = code === "" && message === "" ? "" : `; it begins:\n${code}: ${message}`;
  return user("ErrorTooLarge", `error.pb has ${tooLarge} bytes, more than are read: the message is cut${begins}`);
}

function fromErrorFile(error: ContainerError): Outcome {
  const final = error.kind === ContainerError_Kind.NON_RECOVERABLE;
  const code = error.code || (error.origin === ExecutionError_ErrorKind.SYSTEM ? "SystemError" : "UserError");
  return user(code, error.message, final);
}

function user(code: string, message: string, final = false): Outcome {
  return { kind: "user", final, code, message };
}

function withLog(what: string, { message }: PodEnd): string {
  return message === "" ? what : `${what}; its last words:\n${message}`;
}

/** A failure of a task that was made with another SDK than the one that ran it says so: that may be all there is to it. */
export function explainVersions(outcome: Outcome, made: string, runs: string | undefined): Outcome {
  if (outcome.kind !== "user" || made === "" || runs === undefined || made === runs) return outcome;
  const note = `(The task was made with flyte ${made}; tasks here run with flyte ${runs}. If that is the cause, use the same version in both places.)`;
  return { ...outcome, message: `${outcome.message}\n${note}` };
}

/** A module that is not there says where to install it, where no image brings it along: there every task runs in one environment. */
export function explainModule(outcome: Outcome, python: string | undefined): Outcome {
  if (outcome.kind !== "user" || python === undefined) return outcome;
  const [, module] = /\bNo module named '([\w.]{1,200})'/.exec(outcome.message) ?? [];
  if (module === undefined) return outcome;
  const note = `(Tasks here run in the Python environment of ${python}, whatever their image. Install the package that has the module into it: ${python} -m pip install <package>. With "image: {builder: remote}" in the client's configuration an image's packages are checked before anything runs.)`;
  return { ...outcome, message: `${outcome.message}\n${note}` };
}
