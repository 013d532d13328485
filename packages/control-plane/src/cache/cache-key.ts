/**
 * The key under which a task's result is cached: base64(sha256(inputs' hash, task's name, interface's hash, version)). It has to be what the SDK
 * makes for the same task as a child (flyte/_internal/runtime/convert.py: generate_cache_key_hash), so that a run and a child share one entry.
 */
import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { type TypedInterface, TypedInterfaceSchema } from "@homeplane/idl/flyteidl2/core/interface";
import { type Literal, LiteralSchema } from "@homeplane/idl/flyteidl2/core/literals";
import type { TaskTemplate } from "@homeplane/idl/flyteidl2/core/tasks";
import type { Inputs, NamedLiteral } from "@homeplane/idl/flyteidl2/task/common";
import { canonicalBytes } from "./canonical-bytes.ts";
import { canonicalMsgpack } from "./canonical-msgpack.ts";

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("base64");
}

/** The SDK hashes no inputs to "", which `OffloadedInputData.inputs_hash` may not be; nothing else hashes to this. */
const noInputs = sha256("");

/** The hash of inputs, without those that the task's cache ignores. Never empty. */
export function inputsHash(inputs: Inputs, template: TaskTemplate | undefined): string {
  const { cacheIgnoreInputVars: ignored = [], runtime } = template?.metadata ?? {};
  const counted = inputs.literals.filter(({ name }) => !ignored.includes(name));
  if (counted.length === 0) return noInputs;
  const sorts = sortsMsgpack(runtime?.version ?? "");
  return sha256(Buffer.concat(counted.map((named) => namedLiteral(named, sorts))));
}

/** `undefined` when the task is not cached. `hash`: what `inputsHash` gave, or what the client made of it. */
export function cacheKey(hash: string, template: TaskTemplate | undefined): string | undefined {
  if (template?.metadata?.discoverable !== true) return undefined;
  const inputs = hash === noInputs ? "" : hash;
  const { interface: typed, id, metadata } = template;
  return sha256(`${inputs}${id?.name ?? ""}${interfaceHash(typed)}${metadata.discoveryVersion}`);
}

/** SDKs before 2.12 hash the msgpack of dataclasses and dicts as it is. */
function sortsMsgpack(sdkVersion: string): boolean {
  const [, major = "2", minor = "12"] = /^(\d+)\.(\d+)/.exec(sdkVersion) ?? [];
  return Number(major) > 2 || Number(minor) >= 12;
}

function namedLiteral({ name, value }: NamedLiteral, sorts: boolean): Uint8Array {
  const content = value === undefined ? new Uint8Array() : literal(value, sorts);
  return Buffer.concat([Buffer.from(`${name}:`), content, Buffer.from(";")]);
}

/** A content hash that the client gave stands for the content, at any depth. */
function literal(one: Literal, sorts: boolean): Uint8Array {
  if (one.hash !== "") return Buffer.from(one.hash);
  const { value } = one;
  if (value.case === "collection") return Buffer.concat(value.value.literals.map((item) => literal(item, sorts)));
  if (value.case === "map") {
    const entries = Object.entries(value.value.literals).map(([key, item]) => ({ key: Buffer.from(key), item }));
    const sorted = entries.toSorted((a, b) => Buffer.compare(a.key, b.key));
    return Buffer.concat(sorted.flatMap(({ key, item }) => [key, literal(item, sorts)]));
  }
  return canonicalBytes(LiteralSchema, toBinary(LiteralSchema, sorts ? withSortedMsgpack(one) : one));
}

function withSortedMsgpack(one: Literal): Literal {
  const scalar = one.value.case === "scalar" ? one.value.value : undefined;
  if (scalar?.value.case !== "binary" || scalar.value.value.tag !== "msgpack") return one;
  const binary = { ...scalar.value.value, value: canonicalMsgpack(scalar.value.value.value) };
  return { ...one, value: { case: "scalar", value: { ...scalar, value: { case: "binary", value: binary } } } };
}

function interfaceHash(typed: TypedInterface | undefined): string {
  if (typed === undefined) return sha256("");
  const sorted = <T extends { readonly key: string }>(variables: readonly T[]): T[] =>
    variables.toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  const { inputs, outputs } = typed;
  const ordered: TypedInterface = {
    ...typed,
    ...(inputs ? { inputs: { ...inputs, variables: sorted(inputs.variables) } } : {}),
    ...(outputs ? { outputs: { ...outputs, variables: sorted(outputs.variables) } } : {}),
  };
  return sha256(canonicalBytes(TypedInterfaceSchema, toBinary(TypedInterfaceSchema, ordered)));
}
