/** Whether a request that is passed on stays within the caller's project and domain: everything in it that names one is looked at. */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { TaskAction } from "@homeplane/idl";
import { ProjectIdentifierSchema } from "@homeplane/idl/flyteidl2/common/identifier";
import { TaskIdentifierSchema, TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { InputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import { denied } from "./caller.ts";

interface Scope {
  readonly project: string;
  readonly domain: string;
  /** Of a task that is only referred to. */
  readonly isTask: boolean;
}

/** What a task is made of and given names projects too, but asks for nothing in them. */
const contents: ReadonlySet<string> = new Set([TaskSpecSchema.typeName, InputsSchema.typeName]);
/** The platform's own tasks (image builds) are for everybody. */
const shared = { project: "system", domain: "production" };
/** Answers the same to everybody. */
const unscoped: ReadonlySet<string> = new Set(["flyteidl2.cluster.ClusterService.SelectCluster"]);
const maxDepth = 12;

export function assertOwnScope({ spec }: TaskAction, method: string, schema: DescMessage, request: Message): void {
  const scopes = [...scopesIn(schema, request, 0)];
  const { project, domain } = spec;
  if (scopes.length === 0 && !unscoped.has(method))
    throw denied(`${method}: names no project and domain; a task may ask only for its own, "${project}/${domain}"`);
  for (const scope of scopes) {
    if (scope.project === project && scope.domain === domain) continue;
    if (scope.isTask && scope.project === shared.project && scope.domain === shared.domain) continue;
    throw denied(
      `${method}: asks for project and domain "${scope.project}/${scope.domain}"; the calling task may ask only for its own, "${project}/${domain}"`,
    );
  }
}

function* scopesIn(schema: DescMessage, message: Message, depth: number): Generator<Scope> {
  if (depth > maxDepth || contents.has(schema.typeName)) return;
  const values = message as unknown as Readonly<Record<string, unknown>>;
  const isTask = schema.typeName === TaskIdentifierSchema.typeName;
  const text = (name: string): string => (typeof values[name] === "string" ? values[name] : "");
  const has = (name: string): boolean =>
    schema.fields.some((field) => field.name === name && field.fieldKind === "scalar");
  if (schema.typeName === ProjectIdentifierSchema.typeName)
    yield { project: text("name"), domain: text("domain"), isTask };
  else if (has("project") && has("domain")) yield { project: text("project"), domain: text("domain"), isTask };
  for (const field of schema.fields) {
    if (field.message === undefined) continue;
    const value =
      field.oneof === undefined ? values[field.localName] : chosen(values[field.oneof.localName], field.localName);
    for (const one of Array.isArray(value) ? value : [value])
      if (isMessage(one)) yield* scopesIn(field.message, one, depth + 1);
  }
}

function chosen(oneof: unknown, name: string): unknown {
  const { case: key, value } = (oneof ?? {}) as { case?: string; value?: unknown };
  return key === name ? value : undefined;
}

function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "$typeName" in value;
}
