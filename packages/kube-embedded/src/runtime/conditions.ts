import type { PodCondition } from "@homeplane/kube";

export type WantedCondition = Omit<PodCondition, "lastTransitionTime">;

/** `wanted` over `existing`: a condition's time moves only with its status, and those that are not ours stay. */
export function mergeConditions(
  existing: readonly PodCondition[],
  wanted: readonly WantedCondition[],
  now: string,
): PodCondition[] {
  const ours = wanted.map((condition) => {
    const before = existing.find((one) => one.type === condition.type);
    const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return { ...condition, lastTransitionTime: since ?? now };
  });
  return [...existing.filter((one) => !wanted.some((condition) => condition.type === one.type)), ...ours];
}

/** Of one meaning, whatever their times. */
export function sameConditions(existing: readonly PodCondition[], wanted: readonly WantedCondition[]): boolean {
  return wanted.every((condition) =>
    existing.some(
      (one) =>
        one.type === condition.type &&
        one.status === condition.status &&
        one.reason === condition.reason &&
        one.message === condition.message,
    ),
  );
}
