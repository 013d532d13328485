/**
 * Keys as file names. A plain segment is its own name; only what a file system can not hold is escaped, with `%`, which in a
 * key is itself written `%25`, so that no key can produce any of the marks below:
 *   %XX     a byte that is not allowed in a name (control characters, `%`) and the dots of `.` and `..`
 *   %empty  the empty segment (of `a//b`, `a/`, `/a`)
 *   x%more  a directory: the name goes on in it (segments of more than 200 bytes)
 *   x%file  the object `x`, where `x` itself is the directory of `x/...`
 *   x%meta  what is known of object `x` (in the tree of metadata)
 */
const MAX_NAME_BYTES = 200;
const MORE = "%more";
const FILE = "%file";
const META = "%meta";
const EMPTY = "%empty";

// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f%]/g;

const hex = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;

/** The names of one segment: one, or several where it is too long for one name. */
function segmentNames(segment: string): string[] {
  if (segment === "") return [EMPTY];
  const escaped = escapeDots(segment.replaceAll(UNSAFE, hex));
  return Buffer.byteLength(escaped) <= MAX_NAME_BYTES ? [escaped] : splitName(escaped);
}

/** Cuts between characters and never within an escape, always at the same place for the same beginning. */
function splitName(escaped: string): string[] {
  const names: string[] = [];
  let name = "";
  let bytes = 0;
  for (const unit of escaped.match(/%..|./gsu) ?? []) {
    const size = Buffer.byteLength(unit);
    if (bytes + size > MAX_NAME_BYTES) {
      names.push(name + MORE);
      name = "";
      bytes = 0;
    }
    name += unit;
    bytes += size;
  }
  return [...names, escapeDots(name)];
}

function escapeDots(name: string): string {
  return name === "." || name === ".." ? name.replaceAll(".", hex) : name;
}

/** The path below the bucket's folder where the object lies, unless a directory of that name stands there. */
export function objectPath(key: string): string {
  return key.split("/").flatMap(segmentNames).join("/");
}

/** Where the object lies when `objectPath` is a directory. */
export function displacedPath(path: string): string {
  return path + FILE;
}

export function metaPath(key: string): string {
  return objectPath(key) + META;
}

/** The path of the folder of all keys that begin with `prefix`, which is empty or ends in `/`. */
export function folderPath(prefix: string): string {
  return prefix === "" ? "" : objectPath(prefix.slice(0, -1));
}

export type NameKind = "object" | "folder" | "more";

/**
 * What a directory entry stands for; undefined when no key leads there (a file that somebody else put there under a name
 * that is not of this scheme). `segment` of kind "more" is the beginning of a segment.
 */
export function parseName(name: string, isDirectory: boolean): { kind: NameKind; segment: string } | undefined {
  if (isDirectory && name.endsWith(MORE)) {
    const segment = unescapeName(name.slice(0, -MORE.length));
    return segment === undefined ? undefined : { kind: "more", segment };
  }
  const segment = unescapeName(!isDirectory && name.endsWith(FILE) ? name.slice(0, -FILE.length) : name);
  return segment === undefined ? undefined : { kind: isDirectory ? "folder" : "object", segment };
}

function unescapeName(name: string): string | undefined {
  if (name === EMPTY) return "";
  const segment = name.replaceAll(/%([0-9A-F]{2})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  const [first, ...rest] = segmentNames(segment);
  return first === name && rest.length === 0 && segment !== "" ? segment : undefined;
}
