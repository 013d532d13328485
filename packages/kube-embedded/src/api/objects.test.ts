import { expect, test } from "vitest";
import type { JsonObject } from "../store/json.ts";
import { KubeFixture, podBody, widget, widgetCrd } from "../testing/kube-fixture.ts";

const PODS = "/api/v1/namespaces/default/pods";
const MAPS = "/api/v1/namespaces/default/configmaps";
const WIDGETS = "/apis/example.dev/v1/namespaces/default/widgets";

test("a created object has uid, resourceVersion, time and namespace, and reads back the same", async () => {
  await using kube = new KubeFixture();
  const made = await kube.call("POST", MAPS, { metadata: { name: "a" }, data: { k: "v" } });
  expect(made.status).toBe(201);
  expect(made.object.metadata).toMatchObject({
    name: "a",
    namespace: "default",
    creationTimestamp: "2030-01-01T00:00:00.000Z",
  });
  expect(made.object.metadata.uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  expect((await kube.call("GET", `${MAPS}/a`)).object).toEqual(made.object);
});

test("errors have the code, reason and details of Kubernetes", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", MAPS, { metadata: { name: "a" } });
  const twice = await kube.call("POST", MAPS, { metadata: { name: "a" } });
  expect([twice.status, twice.object.reason, twice.object.message]).toEqual([
    409,
    "AlreadyExists",
    'configmaps "a" already exists',
  ]);
  const missing = await kube.call("GET", `${MAPS}/b`);
  expect(missing.object).toMatchObject({
    kind: "Status",
    status: "Failure",
    code: 404,
    details: { name: "b", kind: "configmaps" },
  });
  const nowhere = await kube.call("POST", "/api/v1/namespaces/nope/configmaps", { metadata: { name: "a" } });
  expect([nowhere.status, nowhere.object.message]).toEqual([404, 'namespaces "nope" not found']);
  expect((await kube.call("POST", MAPS, { metadata: { name: "A_b" } })).status).toBe(422);
  expect((await kube.call("GET", "/apis/none.dev/v1/things")).status).toBe(404);
  expect((await kube.call("PUT", MAPS, {})).status).toBe(405);
});

test("generateName makes names that do not collide", async () => {
  await using kube = new KubeFixture();
  const names = new Set<string>();
  for (let n = 0; n < 20; n++)
    names.add((await kube.call("POST", MAPS, { metadata: { generateName: "x-" } })).object.metadata.name ?? "");
  expect(names.size).toBe(20);
  for (const name of names) expect(name).toMatch(/^x-[a-z0-9]{5}$/);
});

test("a write with an old resourceVersion is a conflict; an update that changes nothing is no write", async () => {
  await using kube = new KubeFixture();
  const made = (await kube.call("POST", MAPS, { metadata: { name: "a" }, data: {} })).object;
  const same = await kube.call("PUT", `${MAPS}/a`, made);
  expect(same.object.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  expect((await kube.call("PUT", `${MAPS}/a`, { ...made, data: { k: "1" } })).status).toBe(200);
  const stale = await kube.call("PUT", `${MAPS}/a`, { ...made, data: { k: "2" } });
  expect([stale.status, stale.object.reason]).toEqual([409, "Conflict"]);
  const patched = await kube.patch(`${MAPS}/a`, {
    metadata: { resourceVersion: made.metadata.resourceVersion ?? "" },
    data: { k: "3" },
  });
  expect(patched.status).toBe(409);
});

test("a write that names another uid is refused: an update as Conflict, a patch as Invalid; a custom status takes it", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", widgetCrd());
  const map = (await kube.call("POST", MAPS, { metadata: { name: "a" } })).object;
  await kube.call("POST", PODS, podBody("p"));
  await kube.call("POST", WIDGETS, widget("w"));
  const other = { metadata: { uid: "another" } };
  const put = await kube.call("PUT", `${MAPS}/a`, { ...map, metadata: { name: "a", uid: "another" } });
  expect([put.status, put.object.reason]).toEqual([409, "Conflict"]);
  for (const path of [`${MAPS}/a`, `${PODS}/p/status`, `${WIDGETS}/w`]) {
    const patched = await kube.patch(path, other);
    expect([patched.status, patched.object.message]).toEqual([422, expect.stringContaining("metadata.uid: Invalid")]);
  }
  const stale = await kube.patch(`${MAPS}/a`, { metadata: { uid: "another", resourceVersion: "1" } });
  expect([stale.status, stale.object.reason]).toEqual([409, "Conflict"]);
  const status = await kube.patch(`${WIDGETS}/w/status`, { ...other, status: { phase: "ok" } });
  expect([status.status, status.object.status]).toEqual([200, { phase: "ok" }]);
});

test("a container that has ended does not come back to life in a pod without restarts", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", PODS, podBody("p", { restartPolicy: "Never" }));
  const write = (state: JsonObject) =>
    kube.patch(`${PODS}/p/status`, { status: { containerStatuses: [{ name: "main", state }] } });
  expect((await write({ running: {} })).status).toBe(200);
  expect((await write({ terminated: { exitCode: 1 } })).status).toBe(200);
  const back = await write({ running: {} });
  expect([back.status, back.object.message]).toEqual([
    422,
    expect.stringContaining("status.containerStatuses[0].state"),
  ]);
});

test("many patches at once all take effect: none is lost to a race", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", MAPS, { metadata: { name: "a" } });
  const keys = Array.from({ length: 8 }, (_, n) => `k${n}`);
  const answers = await Promise.all(keys.map((key) => kube.patch(`${MAPS}/a`, { data: { [key]: "x" } })));
  expect(answers.map((answer) => answer.status)).toEqual(keys.map(() => 200));
  expect(Object.keys((await kube.call("GET", `${MAPS}/a`)).object.data ?? {}).toSorted()).toEqual(keys);
});

test("the three patch formats do what their specifications say", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", PODS, podBody("p", {}, { labels: { a: "1" }, finalizers: ["x.dev/f"] }));
  const strategic = await kube.patch(
    `${PODS}/p`,
    {
      metadata: { labels: { b: "2" }, finalizers: ["x.dev/g"] },
      spec: { containers: [{ name: "main", image: "busybox:2" }] },
    },
    "strategic-merge",
  );
  expect(strategic.object.metadata).toMatchObject({ labels: { a: "1", b: "2" }, finalizers: ["x.dev/f", "x.dev/g"] });
  expect(strategic.object.spec).toMatchObject({ containers: [{ name: "main", image: "busybox:2" }] });
  const json = await kube.patch(
    `${PODS}/p`,
    [
      { op: "test", path: "/metadata/labels/a", value: "1" },
      { op: "remove", path: "/metadata/labels/a" },
    ],
    "json",
  );
  expect(json.object.metadata.labels).toEqual({ b: "2" });
  expect((await kube.patch(`${PODS}/p`, [{ op: "test", path: "/metadata/labels/b", value: "9" }], "json")).status).toBe(
    422,
  );
  expect((await kube.patch(`${PODS}/p`, { metadata: { labels: null } })).object.metadata.labels).toBeUndefined();
  const apply = await kube.call("PATCH", `${PODS}/p`, {}, { "content-type": "application/apply-patch+yaml" });
  expect([apply.status, apply.object.reason]).toEqual([415, "UnsupportedMediaType"]);
});

test("a custom resource is validated, pruned and defaulted by its schema; errors name the field", async () => {
  await using kube = new KubeFixture();
  expect((await kube.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", widgetCrd())).status).toBe(
    201,
  );
  const made = await kube.call("POST", WIDGETS, widget("a", { size: 3, junk: 1, free: { any: [1] } }));
  expect(made.object.spec).toEqual({ size: 3, color: "red", free: { any: [1] } });
  expect(made.headers.warning).toContain("spec.junk");
  expect((await kube.call("POST", `${WIDGETS}?fieldValidation=Strict`, widget("b", { size: 3, junk: 1 }))).status).toBe(
    400,
  );
  const bad: [string, Record<string, string | number | boolean>][] = [
    ["spec.size", {}],
    ["spec.size", { size: 10 }],
    ["spec.size", { size: "x" }],
    ["spec.color", { size: 1, color: "blue" }],
    ["spec.code", { size: 1, code: "abcde" }],
    ["spec.code", { size: 1, code: "A" }],
  ];
  for (const [field, spec] of bad) {
    const answer = await kube.call("POST", WIDGETS, widget("b", spec));
    expect([answer.status, JSON.stringify(answer.object.details?.causes)]).toEqual([
      422,
      expect.stringContaining(`"field":"${field}"`),
    ]);
  }
});

test("status and spec have their own doors, and only the spec counts generations", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", widgetCrd());
  await kube.call("POST", WIDGETS, { ...widget("a"), status: { phase: "sneaked" } });
  const status = await kube.patch(`${WIDGETS}/a/status`, { spec: { size: 9 }, status: { phase: "ok" } });
  expect([status.object.spec, status.object.status, status.object.metadata.generation]).toEqual([
    { size: 3, color: "red" },
    { phase: "ok" },
    1,
  ]);
  const spec = await kube.patch(`${WIDGETS}/a`, { spec: { size: 4 }, status: { phase: "sneaked" } });
  expect([spec.object.spec, spec.object.status, spec.object.metadata.generation]).toEqual([
    { size: 4, color: "red" },
    { phase: "ok" },
    2,
  ]);
});

test("an object over 1.5 MiB is refused with 413", async () => {
  await using kube = new KubeFixture();
  const big = await kube.call("POST", MAPS, { metadata: { name: "a" }, data: { k: "x".repeat(1_600_000) } });
  expect([big.status, big.object.reason]).toEqual([413, "RequestEntityTooLarge"]);
});

test("a pod's spec can not be changed after its creation, its image can", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", PODS, podBody("p"));
  expect((await kube.patch(`${PODS}/p`, { spec: { restartPolicy: "Never" } })).status).toBe(422);
  expect((await kube.patch(`${PODS}/p`, { spec: { nodeName: "local" } })).status).toBe(422);
  expect((await kube.patch(`${PODS}/p`, { spec: { terminationGracePeriodSeconds: 99 } })).status).toBe(422);
  expect((await kube.call("POST", PODS, podBody("q", { containers: [] }))).status).toBe(422);
});

test("a pod gets its node by a binding, once, and only while it is that pod and is not being deleted", async () => {
  await using kube = new KubeFixture();
  const { metadata } = (await kube.call("POST", PODS, podBody("p", {}, { finalizers: ["x.dev/f"] }))).object;
  const bind = (name: string, node: string, meta: JsonObject = {}) =>
    kube.call("POST", `${PODS}/${name}/binding`, { metadata: meta, target: { kind: "Node", name: node } });
  expect((await bind("none", "local")).status).toBe(404);
  expect((await bind("p", "")).status).toBe(422);
  expect((await bind("p", "local", { uid: "another" })).status).toBe(409);
  expect((await bind("p", "local", { uid: metadata.uid })).status).toBe(201);
  const bound = (await kube.call("GET", `${PODS}/p`)).object;
  expect(bound.spec).toMatchObject({ nodeName: "local" });
  expect(bound.status).toMatchObject({ conditions: [{ type: "PodScheduled", status: "True" }] });
  const twice = await bind("p", "local");
  expect([twice.status, twice.object.reason, twice.object.message]).toEqual([
    409,
    "Conflict",
    expect.stringContaining('already assigned to node "local"'),
  ]);
  await kube.call("POST", PODS, podBody("q", {}, { finalizers: ["x.dev/f"] }));
  await kube.call("DELETE", `${PODS}/q`);
  expect((await bind("q", "local")).object.message).toContain("is being deleted");
});

test("a definition that is broken, or would replace a built-in kind, is refused with the field's name", async () => {
  await using kube = new KubeFixture();
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const text = JSON.stringify(widgetCrd());
  const broken: [string, string][] = [
    ["spec.group", text.replaceAll("example.dev", "coordination.k8s.io")],
    ["metadata.name", text.replace('"plural":"widgets"', '"plural":"gadgets"')],
    ["properties[code].pattern", text.replace("^[a-z]+$", "(?<")],
    ["additionalPrinterColumns[0].jsonPath", text.replace(".spec.size", "nonsense")],
    ["spec.versions", text.replace('"storage":true', '"storage":false')],
  ];
  for (const [field, body] of broken) {
    const answer = await kube.call("POST", crds, JSON.parse(body) as ReturnType<typeof widgetCrd>);
    expect([answer.status, answer.object.message]).toEqual([422, expect.stringContaining(field)]);
  }
});
