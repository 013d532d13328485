/** A raw container's inputs as files: one of each input's name, as the SDK's ContainerTask documents it. */
import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fromBinary } from "@bufbuild/protobuf";
import type { Blob, Literal } from "@homeplane/idl/flyteidl2/core/literals";
import { BlobType_BlobDimensionality as Dimensionality } from "@homeplane/idl/flyteidl2/core/types";
import { InputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import { type ObjectStore, parseNativeUrl, readAll } from "@homeplane/object-store";
import { textOf } from "./literal-text.ts";

const maxInputsBytes = 20 << 20;

export interface WriteInputsOptions {
  readonly store: ObjectStore;
  readonly inputUri: string;
  readonly folder: string;
  /** A file keeps its own name, in a folder of the input's name. */
  readonly namedDirs: boolean;
  readonly signal: AbortSignal;
}

export async function writeInputs(options: WriteInputsOptions): Promise<number> {
  const { store, inputUri, folder, signal } = options;
  const { bucket, key } = parseNativeUrl(inputUri);
  const { body } = await store.get(bucket, key, { signal });
  const bytes = await readAll(body, maxInputsBytes);
  const { literals } = fromBinary(InputsSchema, bytes);
  await writeFile(join(folder, "inputs.pb"), bytes);
  const summary: Record<string, string> = {};
  for (const { name, value } of literals) {
    if (value === undefined) continue;
    if (!/^\w[\w.-]*$/.test(name)) throw new Error(`input "${name}": is no name of a file`);
    const path = join(folder, name);
    await writeLiteral(options, name, value, path);
    summary[name] = textOf(value) ?? path;
  }
  // JSON is YAML.
  for (const file of ["inputs.json", "inputs.yaml"]) await writeFile(join(folder, file), JSON.stringify(summary));
  return literals.length;
}

async function writeLiteral(options: WriteInputsOptions, name: string, literal: Literal, path: string): Promise<void> {
  const text = textOf(literal);
  if (text !== undefined) return writeFile(path, text);
  const { value } = literal;
  if (value.case === "scalar" && value.value.value.case === "blob")
    return writeBlob(options, value.value.value.value, path, options.namedDirs);
  if (value.case === "collection") {
    await mkdir(path, { recursive: true });
    const names = new Set<string>();
    for (const [index, one] of value.value.literals.entries()) {
      const blob =
        one.value.case === "scalar" && one.value.value.value.case === "blob" ? one.value.value.value.value : undefined;
      let own = options.namedDirs && blob !== undefined ? basename(blob.uri) : String(index);
      if (names.has(own)) own = `${index}_${own}`;
      names.add(own);
      await writeLiteral({ ...options, namedDirs: false }, `${name}[${index}]`, one, join(path, own));
    }
    return;
  }
  throw new Error(`input "${name}": values of this type can not be written to a file`);
}

async function writeBlob(
  { store, signal }: WriteInputsOptions,
  blob: Blob,
  path: string,
  named: boolean,
): Promise<void> {
  const { bucket, key } = parseNativeUrl(blob.uri);
  const download = async (from: string, to: string): Promise<void> => {
    await mkdir(dirname(to), { recursive: true });
    const { body } = await store.get(bucket, from, { signal });
    await pipeline(Readable.from(body), createWriteStream(to, { mode: 0o664 }));
  };
  if (blob.metadata?.type?.dimensionality !== Dimensionality.MULTIPART)
    return download(key, named ? join(path, basename(key)) : path);
  const prefix = `${key.replace(/\/+$/, "")}/`;
  await mkdir(path, { recursive: true });
  for (let token: string | undefined, more = true; more; more = token !== undefined) {
    const page = await store.list(bucket, {
      prefix,
      signal,
      ...(token === undefined ? {} : { continuationToken: token }),
    });
    for (const { key: one } of page.objects) {
      const rest = one.slice(prefix.length);
      if (rest === "" || rest.endsWith("/")) continue;
      if (rest.split("/").includes("..")) throw new Error(`${blob.uri}: "${rest}" leads out of the folder`);
      await download(one, join(path, rest));
    }
    token = page.nextContinuationToken;
  }
}
