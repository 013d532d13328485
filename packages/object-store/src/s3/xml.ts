import { XMLParser, XMLValidator } from "fast-xml-parser";
import { S3Error } from "./error.ts";

export const S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

/** An element's content: text, children by name, or several elements of one name. Undefined = no element. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | { readonly [name: string]: XmlValue }
  | readonly XmlValue[];

export function xmlDocument(root: string, content: XmlValue, namespace = true): string {
  const open = namespace ? `<${root} xmlns="${S3_NAMESPACE}">` : `<${root}>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${open}${inner(content)}</${root}>`;
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return value.map((item: XmlValue) => element(name, item)).join("");
  return `<${name}>${inner(value)}</${name}>`;
}

function inner(value: XmlValue): string {
  if (typeof value !== "object") return escapeXml(String(value ?? ""));
  return Object.entries(value)
    .map(([name, child]: [string, XmlValue]) => element(name, child))
    .join("");
}

const NAMED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** Control characters as references, as S3 sends them; clients that may meet such keys ask for `encoding-type=url`. */
function escapeXml(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex
    /[&<>"'\u0000-\u001f\u007f\ufffe\uffff]/g,
    (char) => NAMED[char] ?? `&#x${char.charCodeAt(0).toString(16)};`,
  );
}

/** Everything is text; elements that may repeat are arrays whenever they occur. */
const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  htmlEntities: true,
  isArray: (name) => name === "Object" || name === "Part",
});

export type XmlNode = string | { readonly [name: string]: XmlNode } | readonly XmlNode[];

/** The content of the root element. A document type is refused: entities of its own are how XML is made to explode. */
export function parseXml(text: string, root: string): { readonly [name: string]: XmlNode } {
  if (text.includes("<!DOCTYPE") || XMLValidator.validate(text) !== true)
    throw new S3Error("MalformedXML", "the XML is not well-formed");
  const document = parser.parse(text) as { readonly [name: string]: XmlNode };
  const content = document[root];
  if (content === undefined || typeof content === "string" || Array.isArray(content)) {
    throw new S3Error("MalformedXML", `expected the element ${root}`);
  }
  return content as { readonly [name: string]: XmlNode };
}

/** The elements of a name, which `parser` made an array. */
export function children(
  node: { readonly [name: string]: XmlNode },
  name: string,
): { readonly [name: string]: XmlNode }[] {
  const found = node[name];
  if (!Array.isArray(found)) return [];
  return found.filter(
    (item: XmlNode): item is { readonly [name: string]: XmlNode } => typeof item === "object" && !Array.isArray(item),
  );
}

export function textOf(node: { readonly [name: string]: XmlNode }, name: string): string | undefined {
  const found = node[name];
  return typeof found === "string" ? found : undefined;
}
