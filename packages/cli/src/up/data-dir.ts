import { randomBytes } from "node:crypto";
import { access, chmod, constants, mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HomeplaneError, messageOf } from "@homeplane/runtime-kit";

/** Where each thing lies below the data dir. */
export function dataDirPaths(root: string) {
  return {
    root,
    lock: join(root, "homeplane.pid"),
    endpoints: join(root, "endpoints.json"),
    kubeconfig: join(root, "kubeconfig"),
    flyteConfig: join(root, "config.yaml"),
    environment: join(root, "env"),
    ports: join(root, "ports.json"),
    credentials: join(root, "credentials.json"),
    database: join(root, "control-plane.db"),
    kube: join(root, "kube"),
    objects: join(root, "objects"),
    multipart: join(root, "multipart"),
    log: join(root, "log", "homeplane.log"),
  };
}

export type DataDirPaths = ReturnType<typeof dataDirPaths>;

/** Makes the data dir, for its owner alone. */
export async function openDataDir(root: string): Promise<DataDirPaths> {
  try {
    await makeFolders(root);
    await requireOurs(root);
    // One that was there before may be open to others; so would be everything in it.
    await chmod(root, 0o700);
    await access(root, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const next = "choose an empty or new folder that this user can write to with --data-dir";
    throw new HomeplaneError("DataDirUnusable", `the data dir ${root} can not be used: ${messageOf(error)}`, next, {
      cause: error,
    });
  }
  return dataDirPaths(root);
}

/** What an earlier start leaves in a data dir, however early it ended. */
const marks: ReadonlySet<string> = new Set([
  "homeplane.pid",
  "homeplane.pid.lock",
  "reset.pending",
  "credentials.json",
  "kube",
  "log",
]);

/** A folder of somebody else's is neither filled nor closed to others. */
async function requireOurs(path: string): Promise<void> {
  const entries = await readdir(path);
  if (entries.length === 0 || entries.some((name) => marks.has(name))) return;
  throw new Error(`${path} holds other files (${entries.slice(0, 3).join(", ")}, ...) and is no data dir of homeplane`);
}

/**
 * One folder after the other: Node's own recursive mkdir never returns where the file system says ENOENT to every try, as /proc does.
 */
async function makeFolders(path: string): Promise<void> {
  const missing: string[] = [];
  for (let folder = path; !(await isFolder(folder)); folder = dirname(folder)) missing.push(folder);
  for (const folder of missing.toReversed()) await mkdir(folder, { mode: 0o700 });
}

async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
    throw new Error(`${path} is not a folder`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Whole or not at all, readable by the owner alone. */
export async function writeOwned(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content, { mode: 0o600 });
  await rename(temporary, path);
}

export interface StoreCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Keys of the embedded object store, made once per data dir. A file that holds none is left as it is: others may know the keys that were in it. */
export async function loadCredentials(path: string): Promise<StoreCredentials> {
  const existing = await readJson(path);
  if (isCredentials(existing)) return existing;
  if (await exists(path)) {
    const next = `put back a copy of the file, or remove it: the next start makes new keys, and \`source\` of the env file is needed again`;
    throw new HomeplaneError("DataDirDamaged", `${path} holds no keys of the object store`, next);
  }
  const made = {
    accessKeyId: `HP${randomBytes(9).toString("hex").toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString("base64url"),
  };
  await writeOwned(path, `${JSON.stringify(made, null, 2)}\n`);
  return made;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function isCredentials(value: unknown): value is StoreCredentials {
  if (typeof value !== "object" || value === null) return false;
  return (
    "accessKeyId" in value &&
    typeof value.accessKeyId === "string" &&
    "secretAccessKey" in value &&
    typeof value.secretAccessKey === "string"
  );
}

/** The file's JSON; `undefined` when there is no file or it holds none. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
