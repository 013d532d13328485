/** configuration.md from the schemas that the components check their files with. */
import { z } from "zod";
import { dataPlaneSchema } from "../packages/cli/src/serve/config.ts";
import { controlPlaneSchema } from "../packages/cli/src/serve/control-plane-config.ts";

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Node[];
  readonly items?: Node;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Node | boolean;
}

export function configurationPage(made: string): string {
  return `${made}# Configuration of the components on Kubernetes

\`homeplane <component> --config <file>\` reads one YAML file: the same one for all components of the data plane (the chart's ConfigMap
\`homeplane-config\`), another for the control plane. A field that is not there, of the wrong kind or misspelt ends the process with \`InvalidConfig\`,
which names each of them. Files of tokens, certificates and CAs are read again when they change; the configuration itself at the start. Addresses
are \`https\`; plain \`http\` is for 127.0.0.1 alone.

## The data plane

${table(dataPlaneSchema)}
## The control plane

${table(controlPlaneSchema)}
## Probes and metrics

On \`listen.probePort\`, in plain HTTP: \`/healthz\` (200 while the process lives), \`/readyz\` (200 while it works; else 503; in both cases JSON with a
sentence for each thing that it depends on), \`/metrics\` (Prometheus; Node's own figures and \`homeplane_ready\`). What others have to put right
while a component works on does not make it unready: a control plane that is away, another component that is away, a lease that another replica
holds.

## Signals and logs

JSON lines on stdout. SIGTERM: \`/readyz\` says 503, calls under way and new ones are served for 2 s, then up to 20 s are given to those under way; the
lease is let go; exit code 0. A second SIGTERM ends it at once (130). What ends a process otherwise is its last line, \`process.failed\`, with
\`code\`, \`error\` and \`nextStep\`; exit code 1. A peer that is away is one line (\`channel.lost\`, \`kubernetes.lost\`, \`store.unusable\`), and one when it is back.
`;
}

function table(schema: z.ZodType): string {
  const root = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Node;
  const lines = rows("", root).map(
    ({ field, kind, otherwise, text }) => `| \`${field}\` | ${kind} | ${otherwise} | ${text} |`,
  );
  return ["| field | | default | |", "|---|---|---|---|", ...lines, ""].join("\n");
}

interface Row {
  readonly field: string;
  readonly kind: string;
  readonly otherwise: string;
  readonly text: string;
}

function rows(prefix: string, { properties = {}, required = [] }: Node): readonly Row[] {
  return Object.entries(properties).flatMap(([key, node]) => {
    const field = `${prefix}${key}`;
    const text = node.description ?? "";
    const section = node.properties !== undefined;
    const needed = required.includes(key) && (!section || (node.required ?? []).length > 0);
    const otherwise = needed ? "**required**" : node.default === undefined || section ? "" : shown(node.default);
    const own = section && text === "" && !needed ? [] : [{ field, kind: kindOf(node), otherwise, text }];
    const inner = section ? node : node.items?.properties === undefined ? undefined : node.items;
    return [...own, ...(inner === undefined ? [] : rows(section ? `${field}.` : `${field}[].`, inner))];
  });
}

function shown(value: unknown): string {
  if (typeof value === "string") return value === "" ? '`""`' : `\`${value}\``;
  return `\`${JSON.stringify(value)}\``;
}

function kindOf({ type, enum: values, anyOf, items, properties, additionalProperties, const: only }: Node): string {
  if (only !== undefined) return shown(only);
  if (values !== undefined) return values.map(shown).join(", ");
  if (properties !== undefined) return "section";
  if (type === "array") return items?.anyOf === undefined ? `list of ${kindOf(items ?? {})}s` : "list";
  if (anyOf !== undefined) return anyOf.map(kindOf).join(" or ");
  if (typeof additionalProperties === "object") return "map";
  return type ?? "";
}
