import { constants } from "node:os";
import type { Exit } from "./spawn-container.ts";

/** How far a container has come. Times in milliseconds since the epoch. */
export type Progress =
  | { readonly kind: "waiting"; readonly reason: string; readonly message?: string }
  | { readonly kind: "running"; readonly startedAt: number; readonly pid: number }
  | Ended;

export interface Ended {
  readonly kind: "ended";
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason: "Completed" | "Error" | "StartError" | "OOMKilled";
  readonly message?: string;
  readonly pid?: number;
}

/** Why a pod is being stopped. */
export type StopCause = "deleted" | "gone" | "deadline" | "shutdown";

export interface RunView {
  readonly startedAt: number;
  readonly init: ReadonlyMap<string, Progress>;
  readonly main: ReadonlyMap<string, Progress>;
  /** Set when the pod was stopped before its containers had ended by themselves. */
  readonly stopped?: StopCause;
  /** Nothing of it runs any more. */
  readonly ended: boolean;
}

/** As a shell and a container runtime say it: an end by signal n is 128 + n. */
export function exitCodeOf(exit: Exit): { exitCode: number; signal?: number } {
  if (exit.signal === undefined) return { exitCode: exit.code ?? 0 };
  const signal = constants.signals[exit.signal];
  return { exitCode: 128 + signal, signal };
}
