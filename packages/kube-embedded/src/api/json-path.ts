import { isObject, type Json } from "../store/json.ts";
import { badRequest } from "./api-error.ts";

/** A step yields zero or more values of one. */
type Step = (value: Json) => Json[];

const member =
  (name: string): Step =>
  (value) => {
    const found = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    return found === undefined ? [] : [found];
  };

const each: Step = (value) => {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value).filter((one) => one !== undefined) : [];
};

function filter(text: string): Step {
  const compare = /^@((?:\.[\w-]+)+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|(true|false|-?\d+(?:\.\d+)?))$/.exec(
    text.trim(),
  );
  if (compare === null) throw badRequest(`unsupported JSONPath filter: ${text}`);
  const path = (compare[1] ?? "").split(".").slice(1).map(member);
  const wanted: Json = compare[3] ?? compare[4] ?? (JSON.parse(compare[5] ?? "null") as Json);
  const equals = compare[2] === "==";
  return (value) => each(value).filter((item) => run(path, item).some((one) => one === wanted) === equals);
}

function bracket(text: string): Step {
  if (text === "*") return each;
  if (/^-?\d+$/.test(text)) {
    return (value) => {
      const found = Array.isArray(value) ? value.at(Number(text)) : undefined;
      return found === undefined ? [] : [found];
    };
  }
  const quoted = /^'(.*)'$|^"(.*)"$/.exec(text);
  if (quoted !== null) return member((quoted[1] ?? quoted[2] ?? "").replaceAll("\\.", "."));
  const filtered = /^\?\((.*)\)$/.exec(text);
  if (filtered !== null) return filter(filtered[1] ?? "");
  throw badRequest(`unsupported JSONPath subscript: [${text}]`);
}

function run(steps: readonly Step[], value: Json): Json[] {
  let values: Json[] = [value];
  for (const step of steps) values = values.flatMap(step);
  return values;
}

/**
 * The part of kubectl's JSONPath that printer columns use: members, escaped dots, subscripts, `[*]`, and filters that compare one member.
 * Throws a 400 on anything else. https://kubernetes.io/docs/reference/kubectl/jsonpath/
 */
export function compileJsonPath(path: string): (value: Json) => Json[] {
  const steps: Step[] = [];
  let rest = path
    .trim()
    .replace(/^\{(.*)\}$/, "$1")
    .replace(/^\$/, "");
  while (rest !== "") {
    const name = /^\.((?:\\.|[^.[\\])+)/.exec(rest);
    const subscript = /^\.?\[(\?\((?:"[^"]*"|'[^']*'|[^)"'])*\)|'(?:[^'])*'|"(?:[^"])*"|[^\]]*)\]/.exec(rest);
    if (subscript !== null) steps.push(bracket((subscript[1] ?? "").trim()));
    else if (name !== null) steps.push(name[1] === "*" ? each : member((name[1] ?? "").replaceAll(/\\(.)/g, "$1")));
    else if (rest !== ".") throw badRequest(`unsupported JSONPath: ${path}`);
    rest = rest.slice((subscript ?? name)?.[0].length ?? 1);
  }
  return (value) => run(steps, value);
}
