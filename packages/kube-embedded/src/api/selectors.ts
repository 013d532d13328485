import type { Selectable } from "../store/object.ts";
import { badRequest } from "./api-error.ts";

export type Match = (selectable: Selectable) => boolean;

const KEY = /^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
const MAX_SELECTOR = 16 * 1024;

/** Splits at commas outside parentheses. */
function split(selector: string): string[] {
  return selector
    .split(/,(?![^()]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function checked(kind: "label" | "field", selector: string): void {
  if (selector.length > MAX_SELECTOR)
    throw badRequest(`the ${kind} selector is longer than ${MAX_SELECTOR} characters`);
}

function labelRequirement(part: string): Match {
  const fail = (): never => {
    throw badRequest(`unable to parse requirement: "${part}" in the label selector`);
  };
  const key = (text: string): string => (KEY.test(text) ? text : fail());
  const value = (text: string): string => (VALUE.test(text) && text.length <= 63 ? text : fail());
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part);
  if (set !== null) {
    const name = key(set[1] ?? "");
    const values = new Set((set[3] ?? "").split(",").map((one) => value(one.trim())));
    if (set[2] === "in") return ({ labels }) => Object.hasOwn(labels, name) && values.has(labels[name] ?? "");
    return ({ labels }) => !Object.hasOwn(labels, name) || !values.has(labels[name] ?? "");
  }
  const compare = /^([^=!<>\s]+)\s*(==|=|!=|<|>)\s*(\S*)$/.exec(part);
  if (compare !== null) {
    const name = key(compare[1] ?? "");
    const wanted = value(compare[3] ?? "");
    if (compare[2] === "!=") return ({ labels }) => labels[name] !== wanted;
    if (compare[2] === "<") return ({ labels }) => Object.hasOwn(labels, name) && Number(labels[name]) < Number(wanted);
    if (compare[2] === ">") return ({ labels }) => Object.hasOwn(labels, name) && Number(labels[name]) > Number(wanted);
    return ({ labels }) => labels[name] === wanted;
  }
  if (part.startsWith("!")) {
    const name = key(part.slice(1).trim());
    return ({ labels }) => !Object.hasOwn(labels, name);
  }
  const name = key(part);
  return ({ labels }) => Object.hasOwn(labels, name);
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors */
export function labelSelector(selector: string): Match | undefined {
  checked("label", selector);
  const requirements = split(selector).map(labelRequirement);
  return requirements.length === 0 ? undefined : (selectable) => requirements.every((matches) => matches(selectable));
}

/** `known` are the fields that this kind can be selected by. */
export function fieldSelector(selector: string, known: ReadonlySet<string>): Match | undefined {
  checked("field", selector);
  const requirements = selector
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part): Match => {
      const compare = /^([^=!]+)(==|=|!=)(.*)$/.exec(part);
      const name = compare?.[1] ?? part;
      if (compare === null) throw badRequest(`invalid field selector: "${part}"; can't understand it`);
      if (!known.has(name)) throw badRequest(`field label not supported: ${name}`);
      const wanted = compare[3] ?? "";
      return compare[2] === "!="
        ? ({ fields }) => fields[name] !== wanted
        : ({ fields }) => (fields[name] ?? "") === wanted;
    });
  return requirements.length === 0 ? undefined : (selectable) => requirements.every((matches) => matches(selectable));
}

/** The name that a field selector pins, which makes a list a single look-up. */
export function pinnedName(selector: string): string | undefined {
  return /(?:^|,)metadata\.name==?([^,!=]+)(?:,|$)/.exec(selector)?.[1];
}
