/** A raw container's outputs from files of their names: simple values as text, files and folders as they are. */
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { outputsFile } from "@homeplane/idl";
import type { VariableMap } from "@homeplane/idl/flyteidl2/core/interface";
import { type Literal, LiteralSchema } from "@homeplane/idl/flyteidl2/core/literals";
import { type BlobType, BlobType_BlobDimensionality as Dimensionality } from "@homeplane/idl/flyteidl2/core/types";
import { OutputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import { type ObjectStore, parseNativeUrl } from "@homeplane/object-store";
import { literalOf } from "./literal-text.ts";

/** The task's own fault: it is told so, and the same outputs would be no better at another try. */
export class OutputProblem extends Error {}

const maxTextBytes = 1 << 20;

export interface ReadOutputsOptions {
  readonly store: ObjectStore;
  readonly folder: string;
  /** Where outputs.pb and the files go; no slash at the end. */
  readonly prefix: string;
  readonly variables: VariableMap;
  readonly signal: AbortSignal;
}

export async function storeOutputs(options: ReadOutputsOptions): Promise<number> {
  const { store, prefix, variables, signal } = options;
  const literals = [];
  for (const { key: name, value } of variables.variables) {
    const type = value?.type?.type;
    const literal =
      type?.case === "blob" ? await blobOf(options, name, type.value) : await simpleOf(options, name, type);
    literals.push({ name, value: literal });
  }
  const { bucket, key } = parseNativeUrl(`${prefix}/${outputsFile}`);
  await store.put(bucket, key, toBinary(OutputsSchema, create(OutputsSchema, { literals })), { signal });
  return literals.length;
}

type VariableType = NonNullable<NonNullable<VariableMap["variables"][number]["value"]>["type"]>["type"];

async function simpleOf(
  { folder }: ReadOutputsOptions,
  name: string,
  type: VariableType | undefined,
): Promise<Literal> {
  const path = join(folder, name);
  const { size } = await present(path, name);
  if (size > maxTextBytes)
    throw new OutputProblem(`output "${name}": ${path} has ${size} bytes, a value at most ${maxTextBytes}`);
  if (type?.case !== "simple")
    throw new OutputProblem(`output "${name}": is of a type that can not be read from a file`);
  try {
    return literalOf(type.value, await readFile(path, "utf8"));
  } catch (error) {
    throw new OutputProblem(`output "${name}": ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function blobOf(options: ReadOutputsOptions, name: string, type: BlobType): Promise<Literal> {
  const { store, folder, prefix, signal } = options;
  const path = join(folder, name);
  const found = await present(path, name);
  const uri = `${prefix}/raw/${name}`;
  const { bucket, key } = parseNativeUrl(uri);
  if (type.dimensionality === Dimensionality.MULTIPART) {
    if (!found.isDirectory()) throw new OutputProblem(`output "${name}": ${path} is no folder`);
    for (const one of await readdir(path, { recursive: true, withFileTypes: true })) {
      const file = join(one.parentPath, one.name);
      if (one.isFile())
        await store.put(bucket, `${key}/${file.slice(path.length + 1)}`, createReadStream(file), { signal });
    }
  } else {
    if (!found.isFile()) throw new OutputProblem(`output "${name}": ${path} is no file`);
    await store.put(bucket, key, createReadStream(path), { signal });
  }
  const blob = { uri, metadata: { type } };
  return create(LiteralSchema, { value: { case: "scalar", value: { value: { case: "blob", value: blob } } } });
}

async function present(path: string, name: string) {
  try {
    return await stat(path);
  } catch {
    throw new OutputProblem(`output "${name}": the container left no ${path}`);
  }
}
