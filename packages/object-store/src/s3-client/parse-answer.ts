import { XMLParser, XMLValidator } from "fast-xml-parser";

/** Everything is text, and every element an array of all of its name: what is read then does not depend on how many there were. */
const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  htmlEntities: true,
  isArray: () => true,
});

export interface XmlElement {
  readonly [name: string]: readonly (XmlElement | string)[];
}

/** Throws `TypeError` when it is no XML. A document type is refused: entities of its own are how XML is made to explode. */
export function parseAnswer(xml: string): XmlElement {
  if (xml.includes("<!DOCTYPE") || XMLValidator.validate(xml) !== true) throw new TypeError("the answer is not XML");
  return parser.parse(xml) as XmlElement;
}

export function elements(parent: XmlElement | undefined, name: string): XmlElement[] {
  return childrenOf(parent, name).filter((child) => typeof child !== "string");
}

/** The first by the names on the way to it. */
export function element(root: XmlElement, ...path: readonly string[]): XmlElement | undefined {
  return path.reduce<XmlElement | undefined>((at, name) => elements(at, name)[0], root);
}

export function textOf(parent: XmlElement | undefined, name: string): string | undefined {
  const [child] = childrenOf(parent, name);
  return typeof child === "string" ? child : undefined;
}

function childrenOf(parent: XmlElement | undefined, name: string): readonly (XmlElement | string)[] {
  return parent !== undefined && Object.hasOwn(parent, name) ? (parent[name] ?? []) : [];
}
