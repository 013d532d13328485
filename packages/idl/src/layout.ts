/**
 * Where an action's data lies. Keys in both buckets start `org/project/domain/`; an action's go on
 * `run/action/attempt/`. A later incarnation of an attempt gets a prefix of its own (`<attempt>.<incarnation>`): it must not read
 * what an earlier one left.
 */
export interface RunScope {
  readonly org: string;
  readonly project: string;
  readonly domain: string;
  readonly run: string;
}

export function runPrefix(scope: RunScope): string {
  return `${scope.org}/${scope.project}/${scope.domain}/${scope.run}`;
}

export const inputsFile = "inputs.pb";
export const outputsFile = "outputs.pb";
export const errorFile = "error.pb";
export const reportFile = "report.html";
export const checkpointFile = "_flytecheckpoints";
/** Below a run's output base: what the run that it recovers has done already. */
export const recoveryFile = "recovery.pb";

/** `<runOutputBase>/<action>/<attempt>[.<incarnation>]`, without a slash at the end. */
export function attemptPrefix(runOutputBase: string, action: string, attempt: number, incarnation: number): string {
  const folder = incarnation === 0 ? `${attempt}` : `${attempt}.${incarnation}`;
  return `${runOutputBase.replace(/\/+$/, "")}/${action}/${folder}`;
}

/** Where the archived log of a pod's container lies, below the metadata bucket. */
export function logKey(scope: RunScope, action: string, attempt: number, pod: string, container: string): string {
  return `${runPrefix(scope)}/${action}/${attempt}/logs/${pod}.${container}.log`;
}
