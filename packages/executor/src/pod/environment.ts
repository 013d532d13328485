import type { EnvVar } from "@homeplane/kube";
import { identityEnvironment, trustEnvironment } from "./pod-identity.ts";
import { secretEnvironment } from "./secrets.ts";
import type { PodContext } from "./task.ts";
import { homeFolder } from "./work-folder.ts";

/**
 * Environment in the order of precedence, weakest first: defaults, the run's, the task's, its secrets, ours. Ours can not be overridden: without
 * `_U_USE_ACTIONS` a parent waits for ever, and a forged attempt number would break fencing.
 */
export function environment(ctx: PodContext, taskEnv: readonly EnvVar[]): EnvVar[] {
  const merged = new Map<string, EnvVar>();
  for (const [name, value] of Object.entries(defaultEnvironment(ctx))) merged.set(name, { name, value });
  for (const [name, value] of Object.entries(ctx.taskAction.spec.envVars ?? {})) merged.set(name, { name, value });
  for (const variable of taskEnv) merged.set(variable.name, variable);
  for (const variable of secretEnvironment(ctx)) merged.set(variable.name, variable);
  // Set by us or not at all: a task that talks in plain text to a gateway with TLS gets no answer.
  merged.delete("_U_INSECURE");
  // It goes before FLYTECTL_CONFIG, which is ours.
  if (ctx.config.cluster !== undefined) merged.delete("UCTL_CONFIG");
  for (const [name, value] of Object.entries(ownEnvironment(ctx))) merged.set(name, { name, value });
  return [...merged.values()];
}

/** What a task may set otherwise. */
function defaultEnvironment(ctx: PodContext): Readonly<Record<string, string>> {
  return ctx.config.cluster === undefined ? {} : { HOME: homeFolder, ...trustEnvironment(ctx) };
}

function ownEnvironment(ctx: PodContext): Readonly<Record<string, string>> {
  const { config, taskAction, attempt } = ctx;
  const { project, domain, runName, actionName, runOutputBase } = taskAction.spec;
  return {
    ...config.objectStoreEnv,
    ...identityEnvironment(ctx),
    _U_RUN_BASE: runOutputBase ?? "",
    _U_ORG_NAME: config.org,
    _U_EP_OVERRIDE: config.gateway.hostPort,
    ...(config.gateway.insecure ? { _U_INSECURE: "true" } : {}),
    _U_USE_ACTIONS: "1",
    FLYTE_INTERNAL_EXECUTION_PROJECT: project,
    FLYTE_INTERNAL_EXECUTION_DOMAIN: domain,
    FLYTE_INTERNAL_EXECUTION_ID: runName,
    RUN_NAME: runName,
    ACTION_NAME: actionName,
    FLYTE_ATTEMPT_NUMBER: String(attempt - 1),
  };
}
