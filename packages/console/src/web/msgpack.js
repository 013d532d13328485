/**
 * MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) as the SDK writes dataclasses and dicts. Throws a RangeError where the bytes end
 * early, nest deeper than 32, or are of a kind that does not occur there.
 */

const maxDepth = 32;

/** @type {typeof import("./msgpack.js").decodeMsgpack} */
export function decodeMsgpack(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  /** @param {number} size */
  const skip = (size) => {
    at += size;
    if (at > bytes.length) throw new RangeError("the bytes end early");
    return at - size;
  };
  /** @param {number} power of two: how many bytes the number has */
  const unsigned = (power) =>
    [
      () => view.getUint8(skip(1)),
      () => view.getUint16(skip(2)),
      () => view.getUint32(skip(4)),
      () => view.getBigUint64(skip(8)),
    ][power]?.() ?? 0;
  /** @param {number} power */
  const signed = (power) =>
    [
      () => view.getInt8(skip(1)),
      () => view.getInt16(skip(2)),
      () => view.getInt32(skip(4)),
      () => view.getBigInt64(skip(8)),
    ][power]?.() ?? 0;
  /** @param {number} size */
  const slice = (size) => {
    const begin = skip(size);
    return bytes.subarray(begin, begin + size);
  };
  /** @param {number} size */
  const string = (size) => new TextDecoder().decode(slice(size));
  /** @param {number} size @param {number} depth */
  const list = (size, depth) => {
    // Each item has a byte at least: a length that is a lie makes no list.
    if (size > bytes.length - at) throw new RangeError("the bytes end early");
    return Array.from({ length: size }, () => value(depth + 1));
  };
  /** @param {number} size @param {number} depth @returns {[unknown, unknown][]} */
  const entries = (size, depth) => Array.from({ length: size }, () => [value(depth + 1), value(depth + 1)]);
  /** @param {number} depth @returns {unknown} */
  const value = (depth) => {
    if (depth > maxDepth) throw new RangeError("nested too deep");
    const kind = view.getUint8(skip(1));
    if (kind < 0x80) return kind;
    if (kind < 0x90) return new Map(entries(kind & 0x0f, depth));
    if (kind < 0xa0) return list(kind & 0x0f, depth);
    if (kind < 0xc0) return string(kind & 0x1f);
    if (kind >= 0xe0) return kind - 0x100;
    if (kind === 0xc0) return null;
    if (kind === 0xc2 || kind === 0xc3) return kind === 0xc3;
    if (kind >= 0xc4 && kind <= 0xc6) return slice(Number(unsigned(kind - 0xc4)));
    if (kind === 0xca) return view.getFloat32(skip(4));
    if (kind === 0xcb) return view.getFloat64(skip(8));
    if (kind >= 0xcc && kind <= 0xcf) return unsigned(kind - 0xcc);
    if (kind >= 0xd0 && kind <= 0xd3) return signed(kind - 0xd0);
    if (kind >= 0xd9 && kind <= 0xdb) return string(Number(unsigned(kind - 0xd9)));
    if (kind === 0xdc || kind === 0xdd) return list(Number(unsigned(kind - 0xdb)), depth);
    if (kind === 0xde || kind === 0xdf) {
      const size = Number(unsigned(kind - 0xdd));
      if (size > bytes.length - at) throw new RangeError("the bytes end early");
      return new Map(entries(size, depth));
    }
    throw new RangeError("an extension type");
  };
  const decoded = value(0);
  if (at !== bytes.length) throw new RangeError("bytes are left over");
  return decoded;
}
