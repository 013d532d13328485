/** Which account may do what, as one table: golden/rights.md. A change of it is a change of what a reviewer has to trust. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Manifest, manifests, ofKind, type Rule } from "./objects.ts";
import { golden, permutations } from "./permutations.ts";
import { type Use, uses } from "./rights-uses.ts";
import { grants, matrix, verbsByLine } from "./rights.ts";

const rulesIn = (objects: readonly Manifest[]): (Rule & { role: string })[] =>
  [...ofKind("ClusterRole", objects), ...ofKind("Role", objects)].flatMap(({ metadata, rules = [] }) =>
    rules.map((rule) => ({ ...rule, role: metadata.name })),
  );

test("the matrix of accounts, resources and verbs is as it was agreed", async () => {
  const all = grants(manifests(golden("minio")), ["{project}-{domain}"]);
  await expect(matrix(all)).toMatchFileSnapshot("golden/rights.md");
});

test("where the task namespaces are the customer's, the operator makes nothing in them and binds nothing", async () => {
  const all = grants(manifests(golden("existing-namespaces")), []);
  const own = all.filter(({ account }) => account === "operator");
  await expect(matrix(own)).toMatchFileSnapshot("golden/rights-existing-namespaces.md");
  expect(own.flatMap(({ rule }) => rule.verbs)).not.toContain("bind");
});

test.each([
  ["create", "minio"],
  ["existing", "existing-namespaces"],
] as const)("with namespaces.mode %s every right is one that our code uses, and no other is", (mode, name) => {
  const taskNamespaces = mode === "create" ? ["{project}-{domain}"] : [];
  const all = grants(manifests(golden(name)), taskNamespaces).map((grant) => ({
    ...grant,
    namespace: grant.namespace.startsWith("flytesnacks-") ? "{project}-{domain}" : grant.namespace,
  }));
  const sorted = (lines: Iterable<readonly [string, Iterable<string>]>): Record<string, string> =>
    Object.fromEntries([...lines].map(([line, verbs]) => [line, [...new Set(verbs)].toSorted().join(" ")]));
  const used = Object.entries(uses[mode]).map(([line, calls]) => [line, calls.flatMap(({ verbs }) => verbs)] as const);
  expect(sorted(verbsByLine(all))).toEqual(sorted(used));
  const packages = join(import.meta.dirname, "../../packages");
  for (const { file, call } of Object.values<readonly Use[]>(uses[mode]).flat())
    expect(readFileSync(join(packages, file), "utf8"), `${file} has no ${call}`).toContain(call);
});

describe.each(permutations.map(({ name }) => name))("%s", (name) => {
  const objects = manifests(golden(name));
  const rules = rulesIn(objects);
  const everywhere = grants(objects, []).filter(({ namespace }) => namespace === "*");

  test("verbs and resources are enumerated; nobody escalates or impersonates", () => {
    const words = rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [] }) => [
      ...[apiGroups, resources, verbs, resourceNames].flat(),
    ]);
    expect(words.filter((word) => ["*", "escalate", "impersonate"].includes(word))).toEqual([]);
  });

  test("only the operator binds, and only the roles of task namespaces, by name", () => {
    const binding = rules.filter(({ verbs }) => verbs.includes("bind"));
    expect(binding.filter(({ role }) => role !== "union-operator")).toEqual([]);
    for (const { resourceNames = [] } of binding) {
      expect(resourceNames.length).toBeGreaterThan(0);
      for (const one of resourceNames) {
        expect(one).toMatch(/^union-[a-z-]+-tasks$/);
        expect(ofKind("ClusterRole", objects).map(({ metadata }) => metadata.name)).toContain(one);
      }
    }
  });

  test("nobody reads or writes Secrets, logs or pods' shells everywhere", () => {
    const resources = everywhere.flatMap(({ rule }) => rule.resources);
    expect(
      resources.filter((one) => ["secrets", "pods/log", "pods/exec", "pods/attach", "nodes"].includes(one)),
    ).toEqual([]);
    const execs = rules.flatMap((rule) => rule.resources).filter((one) => /exec|attach|portforward|proxy/.test(one));
    expect(execs).toEqual([]);
  });

  test("only those who are called with a token review tokens", () => {
    const reviewers = everywhere
      .filter(({ rule }) => rule.resources.includes("tokenreviews"))
      .map(({ account }) => account);
    const callees = ["log-provider", "object-store-service", "secret-service", "task-gateway"];
    expect(reviewers.toSorted()).toEqual(ofKind("ClusterRole", objects).length === 0 ? [] : callees);
  });

  test("everywhere, what is written is namespaces, bindings and token reviews, and nothing else", () => {
    const written = everywhere.filter(({ rule }) =>
      rule.verbs.some((verb) => !["get", "list", "watch", "bind"].includes(verb)),
    );
    for (const { account, rule } of written) {
      if (account === "operator")
        expect(["namespaces", "rolebindings"]).toEqual(expect.arrayContaining(rule.resources));
      else expect(rule.resources).toEqual(["tokenreviews"]);
    }
  });

  test("the accounts of task pods and of the tunnel have no right at all", () => {
    const accounts = new Set(grants(objects, ["x-y"]).map(({ account }) => account));
    for (const one of ["task", "default", "tunnel-service", "control-plane"]) expect(accounts).not.toContain(one);
  });
});
