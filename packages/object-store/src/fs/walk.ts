import type { Dirent } from "node:fs";
import { opendir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { isAbsent } from "./errno.ts";
import { folderPath, parseName } from "./key-path.ts";
import { compareUtf8 } from "./utf8-order.ts";

export interface WalkOptions {
  readonly prefix: string;
  /** Only what comes after this; when it is a common prefix, only what comes after all of its keys. */
  readonly after: string;
  /** Do not go into folders below the prefix's, but name them. */
  readonly shallow: boolean;
  readonly signal: AbortSignal | undefined;
}

export type WalkItem = { readonly key: string; readonly path: string } | { readonly commonPrefix: string };

interface Child {
  readonly isFolder: boolean;
  /** The whole key of an object, or a folder's prefix with its `/`: comparing these puts whole subtrees in order. */
  readonly name: string;
  readonly path: string;
}

/** All objects under the prefix in UTF-8 byte order; reads only the folders that can hold such keys. */
export async function* walk(bucketPath: string, options: WalkOptions): AsyncGenerator<WalkItem> {
  const folder = options.prefix.slice(0, options.prefix.lastIndexOf("/") + 1);
  yield* walkFolder(join(bucketPath, folderPath(folder)), folder, options);
}

async function* walkFolder(path: string, folder: string, options: WalkOptions): AsyncGenerator<WalkItem> {
  options.signal?.throwIfAborted();
  const children = (await readChildren(path, folder)).filter((child) => isWanted(child, options));
  children.sort((a, b) => compareUtf8(a.name, b.name));
  let previous: string | undefined;
  for (const { isFolder, name, path } of children) {
    if (!isFolder) {
      if (name !== previous) yield { key: name, path };
      previous = name;
    } else if (!options.shallow) {
      yield* walkFolder(path, name, options);
    } else if (await hasObject(path)) {
      yield { commonPrefix: name };
    }
  }
}

function isWanted({ isFolder, name }: Child, { prefix, after, shallow }: WalkOptions): boolean {
  if (!name.startsWith(prefix) || name === "") return false;
  return compareUtf8(name, after) > 0 || (isFolder && !shallow && after.startsWith(name));
}

/** `begin` is the folder's prefix, and, inside of a `%more` directory, the beginning of the segment. */
async function readChildren(path: string, begin: string): Promise<Child[]> {
  const children: Child[] = [];
  for (const entry of await entriesOf(path)) {
    const parsed = entryName(entry);
    if (parsed === undefined) continue;
    const child = { path: join(path, entry.name), name: begin + parsed.segment };
    if (parsed.kind === "more") children.push(...(await readChildren(child.path, child.name)));
    else if (parsed.kind === "object") children.push({ ...child, isFolder: false });
    else children.push({ path: child.path, name: `${child.name}/`, isFolder: true });
  }
  return children;
}

function entryName(entry: Dirent): ReturnType<typeof parseName> {
  return entry.isFile() || entry.isDirectory() ? parseName(entry.name, entry.isDirectory()) : undefined;
}

async function entriesOf(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** Stops at the first object, whatever the size of the folder. */
async function hasObject(path: string): Promise<boolean> {
  try {
    for await (const entry of await opendir(path)) {
      const kind = entryName(entry)?.kind;
      if (kind === "object" || (kind !== undefined && (await hasObject(join(path, entry.name))))) return true;
    }
    return false;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}
