/** Who may do what by rendered roles and bindings: what an authorizer of kind RBAC would answer. */
import { type Manifest, ofKind, type Rule } from "./objects.ts";

export const verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"] as const;

export interface Grant {
  readonly account: string;
  /** "*": in all, and for what has none. */
  readonly namespace: string;
  readonly rule: Rule;
}

/** The operator's own work: it binds each `-tasks` role in each task namespace. */
export function grants(objects: readonly Manifest[], taskNamespaces: readonly string[]): Grant[] {
  const bound = ["ClusterRoleBinding", "RoleBinding"].flatMap((kind) => ofKind(kind, objects));
  const given = bound.flatMap(({ kind, metadata, roleRef, subjects = [] }) => {
    const rules = rulesOf(objects, roleRef?.kind ?? "", roleRef?.name ?? "", metadata.namespace);
    const namespace = kind === "ClusterRoleBinding" ? "*" : (metadata.namespace ?? "");
    return subjects.flatMap(({ name }) => rules.map((rule) => ({ account: name, namespace, rule })));
  });
  const made = taskNamespaces.flatMap((namespace) =>
    ofKind("ClusterRole", objects).flatMap(({ metadata, rules = [] }) => {
      const account = /^union-(.*)-tasks$/.exec(metadata.name)?.[1];
      return account === undefined ? [] : rules.map((rule) => ({ account, namespace, rule }));
    }),
  );
  return [...given, ...made];
}

function rulesOf(objects: readonly Manifest[], kind: string, name: string, namespace: string | undefined): Rule[] {
  const role = ofKind(kind, objects).find(
    ({ metadata }) => metadata.name === name && (kind === "ClusterRole" || metadata.namespace === namespace),
  );
  if (role === undefined) throw new Error(`${kind} ${name} is bound, but is not there`);
  return role.rules ?? [];
}

const where = { "*": "everywhere" } as Readonly<Record<string, string>>;

/** What may be done, by account, place and resource. */
export function verbsByLine(all: readonly Grant[]): ReadonlyMap<string, ReadonlySet<string>> {
  const lines = new Map<string, Set<string>>();
  for (const { account, namespace, rule } of all) {
    for (const group of rule.apiGroups)
      for (const resource of rule.resources) {
        const names = rule.resourceNames === undefined ? "" : ` [${rule.resourceNames.join(" ")}]`;
        const line = `${account} | ${where[namespace] ?? namespace} | ${resource}${group === "" ? "" : `.${group}`}${names}`;
        lines.set(line, new Set([...(lines.get(line) ?? []), ...rule.verbs]));
      }
  }
  return lines;
}

/** One line for an account, a place and a resource, with a letter for each of the eight verbs, and `bind` by name. */
export function matrix(all: readonly Grant[]): string {
  const rows = [...verbsByLine(all)].map(([line, allowed]) => {
    const cells = verbs.map((verb) => (allowed.has(verb) ? "x" : ""));
    const others = [...allowed].filter((verb) => !verbs.some((one) => one === verb));
    return `| ${line} | ${[...cells, others.join(" ")].join(" | ")} |`;
  });
  const head = ["account", "namespace", "resource", ...verbs, "other"];
  return `${[`| ${head.join(" | ")} |`, `|${head.map(() => "---|").join("")}`, ...rows.toSorted()].join("\n")}\n`;
}
