import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isObject, type Json, type JsonObject } from "../store/json.ts";
import { KubeFixture, podBody, widget, widgetCrd } from "../testing/kube-fixture.ts";

const meta = { name: "x", labels: { a: "b" }, annotations: { c: "d" }, finalizers: ["a.dev/f"], ownerReferences: [] };
const resources = { requests: { cpu: "1" }, limits: { cpu: "2", memory: "1Gi" } };
const container = {
  name: "main",
  image: "i",
  resources,
  env: [{ name: "A", value: "b" }],
  ports: [{ containerPort: 1 }],
};
const limit = { type: "Container", max: { cpu: "1" }, default: { cpu: "1" }, maxLimitRequestRatio: { cpu: "2" } };
const core = "/api/v1/namespaces/default";

/** One good object of each kind that is looked into. */
const kinds: readonly (readonly [path: string, body: JsonObject])[] = [
  [`${core}/pods`, podBody("x", { containers: [container], initContainers: [{ ...container, name: "init" }] }, meta)],
  [`${core}/configmaps`, { metadata: meta, data: { a: "1" }, binaryData: { b: "YQ==" } }],
  [`${core}/secrets`, { metadata: meta, data: { a: "YQ==" }, stringData: { b: "c" }, type: "Opaque" }],
  [
    `${core}/resourcequotas`,
    { metadata: meta, spec: { hard: { pods: "99", "count/secrets": 9 }, scopes: ["BestEffort"] } },
  ],
  [`${core}/limitranges`, { metadata: meta, spec: { limits: [limit, { type: "Pod", min: { memory: "1" } }] } }],
  [
    `${core}/events`,
    { metadata: meta, involvedObject: { kind: "Pod", name: "x" }, lastTimestamp: "2026-01-01T00:00:00Z" },
  ],
  [`${core}/services`, { metadata: meta, spec: { ports: [{ port: 1 }] } }],
  [
    `${core}/serviceaccounts/default/token`,
    { spec: { audiences: ["a"], expirationSeconds: 900, boundObjectRef: { kind: "Pod" } } },
  ],
  ["/api/v1/namespaces", { metadata: meta, spec: {}, status: {} }],
  ["/api/v1/nodes", { metadata: meta, spec: { taints: [] }, status: { conditions: [] } }],
  ["/apis/apps/v1/namespaces/default/deployments", { metadata: meta, spec: { replicas: 1 } }],
  ["/apis/coordination.k8s.io/v1/namespaces/default/leases", { metadata: meta, spec: { holderIdentity: "me" } }],
  ["/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", { metadata: meta, roleRef: {}, subjects: [] }],
  ["/apis/authentication.k8s.io/v1/tokenreviews", { spec: { token: "a.b.c", audiences: ["a"] } }],
  ["/apis/authorization.k8s.io/v1/subjectaccessreviews", { spec: { groups: ["g"], resourceAttributes: {} } }],
  ["/apis/apiextensions.k8s.io/v1/customresourcedefinitions", widgetCrd()],
  ["/apis/example.dev/v1/namespaces/default/widgets", widget("x", { size: 3, code: "ab" }, meta)],
];

const junk = fc.oneof(
  fc.constantFrom<Json>(null, 0, -1, 1e30, true, "", "x", "\0", "1Gi", [], [null], {}, { a: null }, [[]], [{}], "2026"),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
);

function paths(value: Json | undefined, here: string[] = []): string[][] {
  const children = Array.isArray(value) ? value.entries() : isObject(value) ? Object.entries(value) : [];
  return [here, ...[...children].flatMap(([key, child]) => paths(child, [...here, String(key)]))];
}

/** `value` with something else at `path`. */
function replaced(value: Json | undefined, [first, ...rest]: readonly string[], by: Json): Json {
  if (first === undefined) return by;
  if (Array.isArray(value)) return value.map((one, n) => (String(n) === first ? replaced(one, rest, by) : one));
  return isObject(value) ? { ...value, [first]: replaced(value[first], rest, by) } : by;
}

const attack = fc.record({
  kind: fc.nat(kinds.length - 1),
  where: fc.array(fc.tuple(fc.nat(), junk), { minLength: 1, maxLength: 3 }),
  how: fc.constantFrom("POST", "PUT", "merge", "strategic", "json", "DELETE"),
});

test("whatever a client sends, the answer is what is wrong with it, never a failure of the server; and all can still be listed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(attack, { minLength: 1, maxLength: 12 }), async (attacks) => {
      await using kube = new KubeFixture();
      kube.run();
      await kube.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", widgetCrd());
      for (const { kind, where, how } of attacks) {
        const [path, good] = kinds[kind] ?? ["", {}];
        if (!path.endsWith("reviews") && !path.endsWith("/token")) await kube.call("POST", path, good);
        const spots = paths(good);
        const bad = where.reduce<Json>((body, [n, by]) => replaced(body, spots[n % spots.length] ?? [], by), good);
        const named = `${path}/x`;
        const patched = how === "json" ? [{ op: "replace", path: `/${(spots[1] ?? []).join("/")}`, value: bad }] : bad;
        const headers = { "content-type": `application/${how === "strategic" ? "strategic-merge" : how}-patch+json` };
        const answer =
          how === "POST" || how === "DELETE" || how === "PUT"
            ? await kube.call(how, how === "POST" ? path : named, bad)
            : await kube.call("PATCH", named, patched, headers);
        expect(answer.status, `${how} ${path} ${JSON.stringify(bad)}: ${answer.object.message}`).toBeLessThan(500);
      }
      const table = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
      for (const [path] of kinds) {
        if (path.endsWith("reviews") || path.endsWith("/token")) continue;
        expect((await kube.call("GET", path, undefined, table)).status, path).toBe(200);
      }
    }),
    { numRuns: 80 },
  );
});
