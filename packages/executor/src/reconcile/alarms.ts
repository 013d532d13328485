/**
 * Bounds on the time since something happened. The time is a pod's or a status', so a bound survives a restart; how much of it is left is also
 * kept by a timer of this process, so a wall clock that is set back makes nobody wait for longer.
 */
import type { TaskAction } from "@homeplane/idl";
import type { Clock } from "@homeplane/runtime-kit";
import { keyOfTaskAction } from "../resource.ts";

/** What an action can be waited for; at most one bound of each kind counts at a time. */
export type AlarmKind = "deadline" | "runtime" | "queued" | "quiet" | "start" | "backoff" | "stop" | "cache" | "signal";

interface Alarm {
  readonly since: string;
  readonly boundMs: number;
  rung: boolean;
  cancel: () => void;
}

/** Node's timers take at most 24 days. */
const longestTimerMs = 86_400_000;

export class Alarms {
  readonly #clock: Clock;
  readonly #wake: (key: string) => void;
  /** By the action's uid. */
  readonly #alarms = new Map<string, Map<AlarmKind, Alarm>>();

  /** `wake` must not throw. */
  constructor(clock: Clock, wake: (key: string) => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** How much of the bound is left, in milliseconds; 0 = it is over. While some is left the action is woken when it ends. */
  left(taskAction: TaskAction, kind: AlarmKind, since: string, boundMs: number): number {
    const { uid = "" } = taskAction.metadata;
    const passed = this.#clock.now() - instant(since);
    // A time that can not be read is taken for now.
    const left = Number.isNaN(passed) ? boundMs : Math.min(boundMs, boundMs - passed);
    const known = this.#alarms.get(uid)?.get(kind);
    if (known !== undefined && known.since === since && known.boundMs === boundMs)
      return known.rung ? 0 : positive(left);
    known?.cancel();
    const alarm: Alarm = { since, boundMs, rung: !(left > 0), cancel: () => undefined };
    const ofAction = this.#alarms.get(uid) ?? new Map<AlarmKind, Alarm>();
    this.#alarms.set(uid, ofAction.set(kind, alarm));
    if (!alarm.rung) this.#arm(alarm, keyOfTaskAction(taskAction), left);
    return positive(left);
  }

  forget(uid: string): void {
    for (const { cancel } of this.#alarms.get(uid)?.values() ?? []) cancel();
    this.#alarms.delete(uid);
  }

  clear(): void {
    for (const uid of this.#alarms.keys()) this.forget(uid);
  }

  #arm(alarm: Alarm, key: string, left: number): void {
    const step = Math.min(left, longestTimerMs);
    alarm.cancel = this.#clock.after(step, () => {
      if (left > step) return this.#arm(alarm, key, left - step);
      alarm.rung = true;
      this.#wake(key);
    });
  }
}

/** Kubernetes writes most times in whole seconds, cut: what is bounded must not end before its time for that. */
function instant(text: string): number {
  const ms = Date.parse(text);
  return /\.\d/.test(text) ? ms : ms + 999;
}

function positive(ms: number): number {
  return ms > 0 ? ms : 0;
}
