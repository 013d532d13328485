import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

interface Part {
  readonly number: number;
  /** Of a map's entry: its key's bytes. */
  readonly key?: Uint8Array;
  readonly bytes: Uint8Array;
}

/**
 * What Python's `SerializeToString(deterministic=True)` makes of the same message: fields by number, a map's entries by the bytes of their keys.
 * protobuf itself promises no order, and a JavaScript object has one of its own for keys that look like numbers.
 */
export function canonicalBytes(desc: DescMessage, bytes: Uint8Array): Uint8Array {
  const reader = new BinaryReader(bytes);
  const parts: Part[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    const field = desc.fields.find((candidate) => candidate.number === number);
    const message = messageOf(field);
    if (wireType !== WireType.LengthDelimited || (message === undefined && field?.fieldKind !== "map")) {
      reader.skip(wireType, number);
      parts.push({ number, bytes: bytes.subarray(start, reader.pos) });
    } else if (field?.fieldKind === "map") parts.push({ number, ...mapEntry(field, reader.bytes()) });
    else if (message !== undefined)
      parts.push({ number, bytes: delimited(number, canonicalBytes(message, reader.bytes())) });
  }
  return Buffer.concat(parts.toSorted(byNumberThenKey).map((part) => part.bytes));
}

function messageOf(field: DescField | undefined): DescMessage | undefined {
  if (field?.fieldKind === "message") return field.message;
  return field?.fieldKind === "list" && field.listKind === "message" ? field.message : undefined;
}

function mapEntry(field: DescField & { fieldKind: "map" }, entry: Uint8Array): Omit<Part, "number"> {
  const reader = new BinaryReader(entry);
  let key: Uint8Array = new Uint8Array();
  let keyField: Uint8Array = new Uint8Array();
  let valueField: Uint8Array = new Uint8Array();
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    if (number === 2 && field.mapKind === "message") {
      valueField = delimited(2, canonicalBytes(field.message, reader.bytes()));
      continue;
    }
    const value = reader.skip(wireType, number);
    const raw = entry.subarray(start, reader.pos);
    if (number === 1) {
      key = wireType === WireType.LengthDelimited ? new BinaryReader(value).bytes() : value;
      keyField = raw;
    } else valueField = raw;
  }
  return { key, bytes: delimited(field.number, Buffer.concat([keyField, valueField])) };
}

function delimited(number: number, content: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(content).finish();
}

function byNumberThenKey(a: Part, b: Part): number {
  if (a.number !== b.number) return a.number - b.number;
  if (a.key === undefined || b.key === undefined) return 0;
  const common = Math.min(a.key.length, b.key.length);
  // Of two keys that begin alike the longer one comes first: so it is in upb, which Python runs on.
  return Buffer.compare(a.key.subarray(0, common), b.key.subarray(0, common)) || b.key.length - a.key.length;
}
