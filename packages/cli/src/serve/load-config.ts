import { readFile } from "node:fs/promises";
import { HomeplaneError, messageOf } from "@homeplane/runtime-kit";
import { parse } from "yaml";
import type { z } from "zod";

/** Far above any real one; below what would hurt. */
const maxBytes = 1 << 20;

/** Throws InvalidConfig, which names every field that is wrong. */
export async function loadConfig<T extends z.ZodType>(path: string, schema: T): Promise<z.infer<T>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw invalid(path, [`the file can not be read: ${messageOf(error)}`], error);
  }
  return parseConfig(path, text, schema);
}

export function parseConfig<T extends z.ZodType>(path: string, text: string, schema: T): z.infer<T> {
  if (text.length > maxBytes) throw invalid(path, [`the file has ${text.length} characters, the limit is ${maxBytes}`]);
  let value: unknown;
  try {
    // Anchors are of no use in so small a file, and can be a bomb.
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw invalid(path, [`this is no YAML: ${messageOf(error).split("\n")[0]}`], error);
  }
  const parsed = schema.safeParse(value ?? {}, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw invalid(path, parsed.error.issues.flatMap(describeIssue));
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "unrecognized_keys")
    return issue.keys.map(
      (key) => `${fieldOf([...issue.path, key])}: there is no such field; check its spelling and indentation`,
    );
  const missing = (issue.code === "invalid_type" || issue.code === "invalid_value") && issue.input === undefined;
  return [`${fieldOf(issue.path)}: ${missing ? `is missing${expected(issue.message)}` : issue.message}`];
}

/** zod's own words for what is not there say nothing more. */
function expected(message: string): string {
  return message.startsWith("Invalid input") ? "" : `: it ${message}`;
}

function fieldOf(path: readonly PropertyKey[]): string {
  return (
    path.reduce<string>((field, key) => {
      if (typeof key === "number") return `${field}[${key}]`;
      return field === "" ? String(key) : `${field}.${String(key)}`;
    }, "") || "the file"
  );
}

function invalid(path: string, problems: readonly string[], cause?: unknown): HomeplaneError {
  const message = `${path}: ${problems.join("; ")}`;
  return new HomeplaneError("InvalidConfig", message, "docs/reference/configuration.md has every field", { cause });
}
