/** One question to an API server, real or embedded, and its answer without what differs by nature. */
import type { Transport } from "@homeplane/kube";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface Question {
  readonly method: string;
  readonly path: string;
  readonly body?: Json;
  /** Of the body; JSON by default. */
  readonly type?: string;
  readonly accept?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

const decoder = new TextDecoder();

export async function ask(transport: Transport, question: Question): Promise<Answer> {
  const { method, path, body, type = "application/json", accept = "application/json" } = question;
  const answer = await transport.request({
    method,
    path,
    headers: { accept, ...(body === undefined ? {} : { "content-type": type }) },
    ...(body === undefined ? {} : { body: new TextEncoder().encode(JSON.stringify(body)) }),
    signal: AbortSignal.timeout(20_000),
  });
  let text = "";
  for await (const chunk of answer.body) text += decoder.decode(chunk, { stream: true });
  return { status: answer.status, body: parse(text) };
}

/** A watch answers one object a line. */
function parse(text: string): Json {
  const lines = text.split("\n").filter((line) => line !== "");
  const values = lines.map((line) => (/^[[{]/.test(line) ? (JSON.parse(line) as Json) : line));
  // What is no object, such as the page for an unknown path, is for people.
  if (!/^[[{]/.test(text)) return "<text>";
  return values.length === 1 ? (values[0] ?? null) : values;
}

/** Go writes a time that is not set as null where the field is not optional. */
const isUnsetTime = (key: string, value: Json): boolean => value === null && key.endsWith("Time");
const byNature = new Set(["uid", "resourceVersion", "managedFields", "selfLink", "continue", "remainingItemCount"]);
const times = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
/** A real server writes whole seconds: what it made a moment ago may be a second old already. */
const age = /^[0-9]s$/;

/**
 * Identities, versions and times replaced, of errors what programs read (code, reason, fields) and not the wording, of columns no description: two
 * servers that agree give the same value.
 */
export function comparable(value: Json): Json {
  if (typeof value === "string") return times.test(value) ? "<time>" : age.test(value) ? "<age>" : value;
  if (value === null || typeof value !== "object") return value;
  if (isList(value)) return value.map(comparable);
  if (value["kind"] === "Status" && value["status"] === "Failure") return failure(value);
  const dropped = (key: string): boolean => byNature.has(key) || (key === "description" && "priority" in value);
  const entries = Object.entries(value).filter(([key, inner]) => !dropped(key) && !isUnsetTime(key, inner));
  return Object.fromEntries(entries.map(([key, inner]) => [key, comparable(inner)]));
}

function failure({ code = null, reason = null, details = null }: { readonly [key: string]: Json }): Json {
  const { name = null, causes = null } = (details ?? {}) as { readonly [key: string]: Json };
  const fields = Array.isArray(causes) ? (causes as { field?: string; reason?: string }[]) : [];
  return { code, reason, name, causes: fields.map(({ field = "", reason: why = "" }) => `${why} ${field}`).sort() };
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
