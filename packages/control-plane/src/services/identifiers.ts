import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type ActionIdentifier,
  ActionIdentifierSchema,
  type ProjectIdentifier,
  type RunIdentifier,
  RunIdentifierSchema,
} from "@homeplane/idl/flyteidl2/common/identifier";
import type { ActionKey, RunKey } from "../store/port.ts";

/** INVALID_ARGUMENT that names the field and what would be right. */
export function invalid(field: string, problem: string): ConnectError {
  return new ConnectError(`${field}: ${problem}`, Code.InvalidArgument);
}

/** Longer than any name that Flyte allows; a bound for what is stored, logged and sent on. */
const maxNameLength = 255;

/** A name that a request must carry. */
export function checkName(value: string, field: string): void {
  if (value === "") throw invalid(field, "is required");
  if (value.length > maxNameLength)
    throw invalid(field, `has ${value.length} characters, the limit is ${maxNameLength}`);
}

export function runKey(id: RunIdentifier | undefined, field = "run_id"): RunKey {
  if (id === undefined) throw invalid(field, "is required");
  for (const part of ["project", "domain", "name"] as const) checkName(id[part], `${field}.${part}`);
  return { project: id.project, domain: id.domain, run: id.name };
}

export function actionKey(id: ActionIdentifier | undefined, field = "action_id"): ActionKey {
  if (id === undefined) throw invalid(field, "is required");
  checkName(id.name, `${field}.name`);
  return { ...runKey(id.run, `${field}.run`), action: id.name };
}

export function projectScope(
  id: ProjectIdentifier | undefined,
  field = "project_id",
): { project: string; domain: string } {
  if (id === undefined) throw invalid(field, "is required");
  checkName(id.name, `${field}.name`);
  checkName(id.domain, `${field}.domain`);
  return { project: id.name, domain: id.domain };
}

/**
 * The organisation in answers is always ours: the SDK derives its own from the host's name ("127" for 127.0.0.1), so what a
 * request says of it is never looked at.
 */
export function runIdentifier(org: string, { project, domain, run }: RunKey): RunIdentifier {
  return create(RunIdentifierSchema, { org, project, domain, name: run });
}

export function actionIdentifier(org: string, key: ActionKey): ActionIdentifier {
  return create(ActionIdentifierSchema, { run: runIdentifier(org, key), name: key.action });
}

/** Where all keys of a project's domain start. */
export function scopePrefix(ctx: { config: { org: string } }, scope: { project: string; domain: string }): string {
  return `${ctx.config.org}/${scope.project}/${scope.domain}/`;
}

/** Whether the key of a native URL (`scheme://bucket/key`) starts with `prefix`. */
export function isBelow(nativeUrl: string, prefix: string): boolean {
  return /^[a-z0-9]+:\/\/[^/]+\/(.*)$/s.exec(nativeUrl)?.[1]?.startsWith(prefix) ?? false;
}

export function runPath({ project, domain, run }: RunKey): string {
  return `${project}/${domain}/${run}`;
}

export function actionPath(key: ActionKey): string {
  return `${runPath(key)}/${key.action}`;
}

export function actionNotFound(key: ActionKey): ConnectError {
  return new ConnectError(`there is no action ${key.action} in run ${runPath(key)}`, Code.NotFound);
}
