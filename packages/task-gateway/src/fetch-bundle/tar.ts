/** Reads tar archives as Python's tarfile and GNU tar write them: ustar, pax headers (POSIX.1-2001), GNU long names. */
export interface TarEntry {
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink" | "link" | "other";
  readonly mode: number;
  readonly linkName: string;
  readonly size: number;
  /** Must be read before the next entry is asked for, or is skipped. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** The same archive would be no better at the next try. */
export class ArchiveError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ArchiveError";
  }
}

const block = 512;
/** Names and pax records; a longer one is no name. */
const maxMetaBytes = 1 << 20;

const kinds: Readonly<Record<string, TarEntry["kind"]>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "link",
  "2": "symlink",
  "5": "directory",
};

export async function* tarEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const bytes = new ByteReader(source);
  let extra: Partial<Record<string, string>> = {};
  while (true) {
    const header = await bytes.take(block);
    // The end of the archive are blocks of zeros, or just the end.
    if (header === undefined || header.every((byte) => byte === 0)) return;
    checkSum(header);
    const type = String.fromCharCode(header[156] ?? 0);
    const size = Number(extra["size"] ?? numberAt(header, 124, 12));
    if (!Number.isSafeInteger(size) || size < 0)
      throw new ArchiveError("the archive has an entry of an impossible size");
    if ("xgLK".includes(type)) {
      const meta = await readMeta(bytes, size);
      if (type === "x") extra = { ...extra, ...paxRecords(meta) };
      else if (type === "L") extra = { ...extra, path: untilZero(meta) };
      else if (type === "K") extra = { ...extra, linkpath: untilZero(meta) };
      continue;
    }
    const read = { left: size };
    const prefix = textAt(header, 257, 6) === "ustar" ? textAt(header, 345, 155) : "";
    const short = textAt(header, 0, 100);
    yield {
      name: extra["path"] ?? (prefix === "" ? short : `${prefix}/${short}`),
      kind: kinds[type] ?? "other",
      mode: numberAt(header, 100, 8),
      linkName: extra["linkpath"] ?? textAt(header, 157, 100),
      size,
      body: bodyOf(bytes, read),
    };
    extra = {};
    for await (const _ of bodyOf(bytes, read));
    await bytes.take((block - (size % block)) % block);
  }
}

async function* bodyOf(bytes: ByteReader, read: { left: number }): AsyncGenerator<Uint8Array> {
  while (read.left > 0) {
    const chunk = await bytes.upTo(read.left);
    if (chunk === undefined) throw new ArchiveError("the archive ends within a file");
    read.left -= chunk.length;
    yield chunk;
  }
}

async function readMeta(bytes: ByteReader, size: number): Promise<Buffer> {
  if (size > maxMetaBytes) throw new ArchiveError("the archive has a name longer than a megabyte");
  const meta = await bytes.take(size);
  await bytes.take((block - (size % block)) % block);
  if (meta === undefined) throw new ArchiveError("the archive ends within a header");
  return meta;
}

/** Records `<length> <key>=<value>\n`; the length counts all of it. */
function paxRecords(meta: Buffer): Record<string, string> {
  const found: Record<string, string> = {};
  for (let at = 0; at < meta.length; ) {
    const space = meta.indexOf(0x20, at);
    const length = Number(meta.subarray(at, space).toString());
    if (space === -1 || !(length > 0)) throw new ArchiveError("the archive has a pax header that can not be read");
    const record = meta.subarray(space + 1, at + length - 1).toString();
    const equals = record.indexOf("=");
    found[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
  return found;
}

function checkSum(header: Buffer): void {
  let sum = 8 * 0x20;
  for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += byte;
  if (sum !== numberAt(header, 148, 8)) throw new ArchiveError("it is no tar archive, or is damaged");
}

/** Octal, or binary where the first bit is set (GNU). */
function numberAt(header: Buffer, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) === 0) return Number.parseInt(field.toString("latin1").trim() || "0", 8) || 0;
  let value = BigInt((field[0] ?? 0) & 0x7f);
  for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte);
  return Number(value);
}

function textAt(header: Buffer, at: number, length: number): string {
  return untilZero(header.subarray(at, at + length));
}

function untilZero(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? undefined : end).toString();
}

class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Some bytes, at least one, at most `most`; `undefined` at the end. */
  async upTo(most: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#source.next();
      if (done === true) return undefined;
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    const found = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(found.length);
    return found;
  }

  /** Exactly so many; `undefined` when there are none left, an error when there are fewer. */
  async take(count: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let left = count;
    while (left > 0) {
      const part = await this.upTo(left);
      if (part === undefined) {
        if (parts.length === 0) return undefined;
        throw new ArchiveError("the archive ends in the middle");
      }
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }
}
