/**
 * Msgpack with the keys of its maps sorted and every value in its shortest form, as the SDK (2.12) hashes dataclasses and untyped dicts: two dicts
 * that are equal hash equal, in whichever order they were filled. https://github.com/msgpack/msgpack/blob/master/spec.md
 */

/** Deeper than any real value; past it the bytes are taken as they are. */
const maxDepth = 200;

/** The same bytes where they can not be read: then they are hashed as they are. */
export function canonicalMsgpack(data: Uint8Array): Uint8Array {
  try {
    const reader = { view: new DataView(data.buffer, data.byteOffset, data.byteLength), data, at: 0 };
    const canonical = value(reader, 0);
    return reader.at === data.length ? canonical : data;
  } catch {
    return data;
  }
}

interface Reader {
  readonly view: DataView;
  readonly data: Uint8Array;
  at: number;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function value(reader: Reader, depth: number): Buffer {
  if (depth > maxDepth) throw new RangeError("too deep");
  const tag = unsigned(reader, 1);
  if (tag < 0x80) return integer(BigInt(tag));
  if (tag >= 0xe0) return integer(BigInt(tag - 0x100));
  if (tag < 0x90) return map(reader, tag & 0x0f, depth);
  if (tag < 0xa0) return array(reader, tag & 0x0f, depth);
  if (tag < 0xc0) return text(reader, tag & 0x1f);
  switch (tag) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return Buffer.of(tag);
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return binary(take(reader, unsigned(reader, 1 << (tag - 0xc4))));
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return extension(reader, unsigned(reader, 1 << (tag - 0xc7)));
    case 0xca:
      return float(reader.view.getFloat32(advance(reader, 4)));
    case 0xcb:
      return float(reader.view.getFloat64(advance(reader, 8)));
    case 0xcc:
    case 0xcd:
    case 0xce:
      return integer(BigInt(unsigned(reader, 1 << (tag - 0xcc))));
    case 0xcf:
      return integer(reader.view.getBigUint64(advance(reader, 8)));
    case 0xd0:
      return integer(BigInt(reader.view.getInt8(advance(reader, 1))));
    case 0xd1:
      return integer(BigInt(reader.view.getInt16(advance(reader, 2))));
    case 0xd2:
      return integer(BigInt(reader.view.getInt32(advance(reader, 4))));
    case 0xd3:
      return integer(reader.view.getBigInt64(advance(reader, 8)));
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return extension(reader, 1 << (tag - 0xd4));
    case 0xd9:
    case 0xda:
    case 0xdb:
      return text(reader, unsigned(reader, 1 << (tag - 0xd9)));
    case 0xdc:
    case 0xdd:
      return array(reader, unsigned(reader, 2 << (tag - 0xdc)), depth);
    case 0xde:
    case 0xdf:
      return map(reader, unsigned(reader, 2 << (tag - 0xde)), depth);
    default:
      throw new RangeError("no msgpack");
  }
}

function advance(reader: Reader, length: number): number {
  const start = reader.at;
  if (start + length > reader.data.length) throw new RangeError("cut off");
  reader.at += length;
  return start;
}

function take(reader: Reader, length: number): Uint8Array {
  const start = advance(reader, length);
  return reader.data.subarray(start, start + length);
}

function unsigned(reader: Reader, size: number): number {
  const start = advance(reader, size);
  if (size === 1) return reader.view.getUint8(start);
  return size === 2 ? reader.view.getUint16(start) : reader.view.getUint32(start);
}

function array(reader: Reader, length: number, depth: number): Buffer {
  const parts: Buffer[] = [head(length, 0x90, 16, [undefined, 0xdc, 0xdd])];
  for (let index = 0; index < length; index++) parts.push(value(reader, depth + 1));
  return Buffer.concat(parts);
}

function map(reader: Reader, length: number, depth: number): Buffer {
  const entries = new Map<string, { key: Buffer; content: Buffer }>();
  for (let index = 0; index < length; index++) {
    const tag = reader.data[reader.at] ?? 0;
    // Python has no dict with such a key.
    if ((tag >= 0x80 && tag < 0xa0) || (tag >= 0xdc && tag <= 0xdf)) throw new TypeError("unhashable key");
    const key = value(reader, depth + 1);
    entries.set(key.toString("latin1"), { key, content: value(reader, depth + 1) });
  }
  const sorted = [...entries.values()].toSorted((a, b) => Buffer.compare(a.key, b.key));
  return Buffer.concat([
    head(sorted.length, 0x80, 16, [undefined, 0xde, 0xdf]),
    ...sorted.flatMap(({ key, content }) => [key, content]),
  ]);
}

function text(reader: Reader, length: number): Buffer {
  const content = take(reader, length);
  utf8.decode(content);
  return Buffer.concat([head(length, 0xa0, 32, [0xd9, 0xda, 0xdb]), content]);
}

function binary(content: Uint8Array): Buffer {
  return Buffer.concat([head(content.length, 0, 0, [0xc4, 0xc5, 0xc6]), content]);
}

/** Python's msgpack reads one as a tuple of type and content, which is packed again as an array. */
function extension(reader: Reader, length: number): Buffer {
  const type = reader.view.getInt8(advance(reader, 1));
  return Buffer.concat([Buffer.of(0x92), integer(BigInt(type)), binary(take(reader, length))]);
}

function float(number: number): Buffer {
  const bytes = Buffer.alloc(9, 0xcb);
  bytes.writeDoubleBE(number, 1);
  return bytes;
}

/** The shortest head for a length: a byte of its own below `limit`, else a tag and 1, 2 or 4 bytes. */
function head(length: number, fix: number, limit: number, tags: readonly (number | undefined)[]): Buffer {
  if (length < limit) return Buffer.of(fix | length);
  const [one, two, four] = tags;
  if (length < 0x100 && one !== undefined) return Buffer.of(one, length);
  const bytes = Buffer.alloc(length < 0x10000 ? 3 : 5);
  bytes[0] = (length < 0x10000 ? two : four) ?? 0;
  bytes.writeUIntBE(length, 1, bytes.length - 1);
  return bytes;
}

function integer(number: bigint): Buffer {
  if (number >= 0n && number < 0x80n) return Buffer.of(Number(number));
  if (number < 0n && number >= -0x20n) return Buffer.of(Number(number + 0x100n));
  const [tag, bits] = number >= 0n ? ([0xcc, size(number)] as const) : ([0xd0, size(number * -2n - 1n)] as const);
  const bytes = Buffer.alloc(9);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, number), 1);
  return Buffer.concat([Buffer.of(tag + Math.log2(bits)), bytes.subarray(9 - bits)]);
}

/** Bytes that an unsigned number needs: 1, 2, 4 or 8. */
function size(number: bigint): number {
  if (number < 0x100n) return 1;
  if (number < 0x10000n) return 2;
  return number < 0x100000000n ? 4 : 8;
}
