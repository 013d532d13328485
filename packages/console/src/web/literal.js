/** A flyteidl2.core.Literal (JSON) as a line of text and a word on its kind. */
import { decodeMsgpack } from "./msgpack.js";
import { cut } from "./text.js";

const maxText = 2_000;
const maxItems = 20;
const maxDepth = 4;

/** @type {typeof import("./literal.js").literalText} */
export function literalText(literal) {
  return cut(text(literal, 0), maxText);
}

/** @param {any} literal @param {number} depth @returns {string} */
function text(literal, depth) {
  if (depth > maxDepth) return "…";
  if (literal?.scalar) return scalarText(literal.scalar, depth);
  if (literal?.collection) return listText(literal.collection.literals ?? [], depth);
  if (literal?.map) {
    const entries = Object.entries(literal.map.literals ?? {});
    const shown = entries.slice(0, maxItems).map(([key, value]) => `${JSON.stringify(key)}: ${text(value, depth + 1)}`);
    return `{${more(shown, entries.length)}}`;
  }
  if (literal?.offloadedMetadata)
    return `${literal.offloadedMetadata.uri ?? ""} (${literal.offloadedMetadata.sizeBytes ?? "?"} bytes)`;
  return "nothing";
}

/** @param {any[]} items @param {number} depth */
function listText(items, depth) {
  return `[${more(
    items.slice(0, maxItems).map((item) => text(item, depth + 1)),
    items.length,
  )}]`;
}

/** @param {string[]} shown @param {number} total */
const more = (shown, total) => (total > shown.length ? [...shown, `… ${total - shown.length} more`] : shown).join(", ");

/** @param {any} scalar @param {number} depth @returns {string} */
function scalarText(scalar, depth) {
  if (scalar.primitive) return primitiveText(scalar.primitive);
  if (scalar.union) return text(scalar.union.value, depth + 1);
  if ("noneType" in scalar) return "None";
  if (scalar.blob) return scalar.blob.uri ?? "";
  if (scalar.structuredDataset) return scalar.structuredDataset.uri ?? "";
  if (scalar.schema) return scalar.schema.uri ?? "";
  if (scalar.generic) return JSON.stringify(scalar.generic);
  if (scalar.error) return scalar.error.message ?? "error";
  if (scalar.binary) return binaryText(scalar.binary, depth);
  return "a value of a kind that this page does not know";
}

/** Dataclasses, dicts and the like come as MessagePack. @param {any} binary @param {number} depth */
function binaryText({ tag, value }, depth) {
  const base64 = typeof value === "string" ? value : "";
  if (tag === "msgpack") {
    try {
      return plainText(decodeMsgpack(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))), depth);
    } catch {
      // Not what it says that it is: then its size is all that can be told.
    }
  }
  // Base64 carries 3 bytes in 4 characters.
  return `${tag || "binary"}, ${Math.floor((base64.replace(/=+$/, "").length * 3) / 4)} bytes`;
}

/** @param {unknown} value @param {number} depth @returns {string} */
function plainText(value, depth) {
  if (depth > maxDepth) return "…";
  if (value === null) return "None";
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) {
    const shown = value.slice(0, maxItems).map((item) => plainText(item, depth + 1));
    return `[${more(shown, value.length)}]`;
  }
  if (value instanceof Map) {
    const shown = [...value]
      .slice(0, maxItems)
      .map(([key, item]) => `${plainText(key, depth + 1)}: ${plainText(item, depth + 1)}`);
    return `{${more(shown, value.size)}}`;
  }
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? String(value) : "…";
}

/** @param {any} primitive */
function primitiveText(primitive) {
  if ("stringValue" in primitive) return JSON.stringify(primitive.stringValue);
  const value = Object.values(primitive)[0];
  return value === undefined ? "" : String(value);
}
