import { isDeepStrictEqual } from "node:util";
import { isObject, type Json, type JsonObject } from "../store/json.ts";
import { deepCopy } from "../store/object.ts";
import { ApiError, badRequest } from "./api-error.ts";

/** Kubernetes' own limit on the operations of one patch. */
const MAX_OPERATIONS = 10_000;

function refuse(message: string): never {
  throw new ApiError(422, "Invalid", `the server rejected our request due to an error in our request: ${message}`, {});
}

function pointer(text: Json | undefined): string[] {
  if (typeof text !== "string" || (text !== "" && !text.startsWith("/")))
    throw badRequest(`invalid JSON pointer: ${JSON.stringify(text)}`);
  return text
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function index(list: Json[], step: string, end: number): number {
  const at = Number(step);
  if (!/^(0|[1-9]\d*)$/.test(step) || at > end) refuse(`array index ${step} is out of range (length ${list.length})`);
  return at;
}

function child(parent: Json | undefined, step: string): Json | undefined {
  if (Array.isArray(parent)) return parent[index(parent, step, parent.length - 1)];
  if (isObject(parent) && Object.hasOwn(parent, step)) return parent[step];
  return undefined;
}

function read(root: Json, path: readonly string[]): Json {
  let here: Json | undefined = root;
  for (const step of path) here = child(here, step);
  return here === undefined ? refuse(`path /${path.join("/")} does not exist`) : here;
}

function edit(root: JsonObject, path: readonly string[], change: "add" | "replace" | "remove", value: Json): Json {
  const last = path.at(-1);
  if (last === undefined) return change === "remove" ? refuse("the whole object can not be removed") : value;
  const parent = read(root, path.slice(0, -1));
  if (Array.isArray(parent)) {
    if (change === "add") parent.splice(last === "-" ? parent.length : index(parent, last, parent.length), 0, value);
    else parent.splice(index(parent, last, parent.length - 1), 1, ...(change === "replace" ? [value] : []));
  } else if (isObject(parent)) {
    if (change !== "add" && !Object.hasOwn(parent, last)) refuse(`path /${path.join("/")} does not exist`);
    if (change === "remove") delete parent[last];
    else Object.defineProperty(parent, last, { value, enumerable: true, writable: true, configurable: true });
  } else refuse(`path /${path.join("/")} goes through a value that has no members`);
  return root;
}

/** RFC 6902. Works on a copy. */
export function jsonPatch(target: JsonObject, operations: Json): Json {
  if (!Array.isArray(operations)) throw badRequest("a JSON patch must be an array of operations");
  if (operations.length > MAX_OPERATIONS)
    throw new ApiError(413, "RequestEntityTooLarge", `a JSON patch may have at most ${MAX_OPERATIONS} operations`);
  let root: Json = deepCopy(target);
  for (const operation of operations) {
    if (!isObject(operation)) throw badRequest("each operation of a JSON patch must be an object");
    if (!isObject(root)) refuse("the patched document is no object");
    const path = pointer(operation.path);
    const value = operation.value === undefined ? undefined : deepCopy(operation.value);
    if (operation.op === "test") {
      const found: Json | undefined = path.reduce<Json | undefined>(child, root);
      if (!isDeepStrictEqual(found ?? null, value ?? null)) refuse(`testing path /${path.join("/")} failed`);
    } else if (operation.op === "remove") root = edit(root, path, "remove", null);
    else if (operation.op === "add" || operation.op === "replace") {
      if (value === undefined) throw badRequest(`operation ${operation.op} of a JSON patch needs a value`);
      root = edit(root, path, operation.op, value);
    } else if (operation.op === "copy" || operation.op === "move") {
      const from = pointer(operation.from);
      const moved = deepCopy(read(root, from));
      if (operation.op === "move") root = edit(root, from, "remove", null);
      if (!isObject(root)) refuse("the patched document is no object");
      root = edit(root, path, "add", moved);
    } else throw badRequest(`unknown operation of a JSON patch: ${JSON.stringify(operation.op)}`);
  }
  return root;
}
