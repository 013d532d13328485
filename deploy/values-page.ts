/** docs/reference/chart.md: every value of a chart, from values.yaml (comments, defaults) and values.schema.json (what is taken). */
import { type Document, isMap, isScalar, parseDocument, type Scalar, type YAMLMap } from "yaml";

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

interface Row {
  readonly path: string;
  readonly kind: string;
  readonly default: string;
  readonly text: string;
}

/** Throws when a value has no place in the schema, or the schema one that values.yaml does not tell of. */
export function valuesTable(valuesYaml: string, schemaJson: string): string {
  const schema = JSON.parse(schemaJson) as Schema;
  const document: Document = parseDocument(valuesYaml);
  if (!isMap(document.contents)) throw new Error("values.yaml is no map");
  const rows = rowsOf(document.contents, schema, schema, "", document.commentBefore ?? "");
  const known = new Set(rows.map(({ path }) => path));
  const untold = Object.keys(schema.properties ?? {}).filter(
    (key) => key !== "global" && ![...known].some((path) => path === key || path.startsWith(`${key}.`)),
  );
  if (untold.length > 0) throw new Error(`values.yaml does not have ${untold.join(", ")}`);
  const cells = rows.map(({ path, kind, default: value, text }) => `| \`${path}\` | ${kind} | ${value} | ${text} |`);
  return ["| value | | default | |", "|---|---|---|---|", ...cells].join("\n");
}

function rowsOf(map: YAMLMap, of: Schema, root: Schema, prefix: string, first: string): Row[] {
  return map.items.flatMap(({ key, value }, index) => {
    if (!isScalar(key)) throw new Error("a key that is no text");
    const path = `${prefix}${String(key.value)}`;
    const schema = resolved(of.properties?.[String(key.value)], root);
    if (schema === undefined) throw new Error(`values.schema.json does not have ${path}`);
    const text = comment(key, index === 0 ? first : "");
    const inner = isMap(value) && !value.flow && schema.properties !== undefined;
    if (!inner) return [{ path, kind: kindOf(schema, root), default: shown(value), text }];
    const nested = rowsOf(value, schema, root, `${path}.`, value.commentBefore ?? "");
    return text === "" ? nested : [{ path, kind: "", default: "", text }, ...nested];
  });
}

const comment = (key: Scalar, first: string): string =>
  (key.commentBefore ?? first).replaceAll(/\n ?/g, " ").replaceAll("|", "\\|").replaceAll("<", "&lt;").trim();

const resolved = (schema: Schema | undefined, root: Schema): Schema | undefined =>
  schema?.$ref === undefined ? schema : root.$defs?.[schema.$ref.replace("#/$defs/", "")];

function kindOf(schema: Schema, root: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((one) => `\`${one}\``).join(", ");
  if (schema.anyOf !== undefined) return kindOf(schema.anyOf.at(-1) ?? {}, root);
  if (schema.type === "array") return `list of ${plural(kindOf(resolved(schema.items, root) ?? {}, root))}`;
  if (schema.type === "object") return "map";
  if (schema.minimum !== undefined)
    return `${schema.minimum}${schema.maximum === undefined ? " or more" : ` to ${schema.maximum}`}`;
  return schema.type ?? "";
}

const plural = (kind: string): string => (/^(string|map)$/.test(kind) ? `${kind}s` : kind);

function shown(value: unknown): string {
  const json = JSON.stringify((value as { toJSON?: () => unknown }).toJSON?.() ?? null);
  return json === '""' ? "" : `\`${json.replaceAll("|", "\\|")}\``;
}
