import { expect, test } from "vitest";
import { KubeFixture, podBody, widget, widgetCrd } from "../testing/kube-fixture.ts";

const PODS = "/api/v1/namespaces/default/pods";
const MAPS = "/api/v1/namespaces/default/configmaps";
const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS = "/apis/example.dev/v1/namespaces/default/widgets";

test("an object with finalizers waits, takes no new ones, and goes with its last", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", MAPS, { metadata: { name: "a", finalizers: ["x.dev/f"] } });
  const deleting = await kube.call("DELETE", `${MAPS}/a`);
  expect(deleting.object.metadata.deletionTimestamp).toBe("2030-01-01T00:00:00.000Z");
  expect((await kube.patch(`${MAPS}/a`, { metadata: { finalizers: ["x.dev/f", "x.dev/g"] } })).status).toBe(422);
  expect((await kube.patch(`${MAPS}/a`, { metadata: { finalizers: null } })).status).toBe(200);
  expect((await kube.call("GET", `${MAPS}/a`)).status).toBe(404);
});

test("a bound pod is given its grace and goes when it is deleted with grace 0", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", PODS, podBody("p", { nodeName: "local", terminationGracePeriodSeconds: 5 }));
  const first = await kube.call("DELETE", `${PODS}/p`);
  expect(first.object.metadata).toMatchObject({
    deletionTimestamp: "2030-01-01T00:00:05.000Z",
    deletionGracePeriodSeconds: 5,
  });
  const longer = await kube.call("DELETE", `${PODS}/p`, { gracePeriodSeconds: 60 });
  expect(longer.object.metadata.deletionGracePeriodSeconds).toBe(5);
  const shorter = await kube.call("DELETE", `${PODS}/p?gracePeriodSeconds=2`);
  expect(shorter.object.metadata).toMatchObject({
    deletionTimestamp: "2030-01-01T00:00:02.000Z",
    deletionGracePeriodSeconds: 2,
  });
  await kube.call("DELETE", `${PODS}/p`, { gracePeriodSeconds: 0 });
  expect((await kube.call("GET", `${PODS}/p`)).status).toBe(404);
});

test("a pod that never had a node, or has ended, goes at once", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", PODS, podBody("p"));
  expect((await kube.call("DELETE", `${PODS}/p`)).status).toBe(200);
  expect((await kube.call("GET", `${PODS}/p`)).status).toBe(404);
  await kube.call("POST", PODS, podBody("q", { nodeName: "local" }));
  await kube.patch(`${PODS}/q/status`, { status: { phase: "Succeeded" } });
  await kube.call("DELETE", `${PODS}/q`);
  expect((await kube.call("GET", `${PODS}/q`)).status).toBe(404);
});

test("a pod with grace and a finalizer is gone only when both are over", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", PODS, podBody("p", { nodeName: "local" }, { finalizers: ["x.dev/f"] }));
  await kube.call("DELETE", `${PODS}/p`);
  await kube.patch(`${PODS}/p`, { metadata: { finalizers: null } });
  expect((await kube.call("GET", `${PODS}/p`)).status).toBe(200);
  await kube.call("DELETE", `${PODS}/p`, { gracePeriodSeconds: 0 });
  expect((await kube.call("GET", `${PODS}/p`)).status).toBe(404);
});

test("preconditions protect a newer object of the same name", async () => {
  await using kube = new KubeFixture();
  const made = await kube.call("POST", MAPS, { metadata: { name: "a" } });
  expect((await kube.call("DELETE", `${MAPS}/a`, { preconditions: { uid: "other" } })).status).toBe(409);
  expect((await kube.call("DELETE", `${MAPS}/a`, { preconditions: { resourceVersion: "1" } })).status).toBe(409);
  expect(
    (await kube.call("DELETE", `${MAPS}/a`, { preconditions: { uid: made.object.metadata.uid ?? "" } })).status,
  ).toBe(200);
});

async function family(kube: KubeFixture): Promise<void> {
  let uid = (await kube.call("POST", MAPS, { metadata: { name: "parent" } })).object.metadata.uid ?? "";
  for (const name of ["child", "grandchild"]) {
    const ownerReferences = [
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        name: name === "child" ? "parent" : "child",
        uid,
        blockOwnerDeletion: true,
      },
    ];
    uid = (await kube.call("POST", MAPS, { metadata: { name, ownerReferences } })).object.metadata.uid ?? "";
  }
}

test("background: the owner goes at once, its descendants after it", async () => {
  await using kube = new KubeFixture();
  kube.run();
  await family(kube);
  await kube.call("DELETE", `${MAPS}/parent`);
  await kube.untilGone(`${MAPS}/grandchild`);
  await kube.untilGone(`${MAPS}/child`);
});

test("foreground: the owner stays until its dependents are gone", async () => {
  await using kube = new KubeFixture();
  await family(kube);
  await kube.patch(`${MAPS}/grandchild`, { metadata: { finalizers: ["x.dev/f"] } });
  const owner = await kube.call("DELETE", `${MAPS}/parent`, { propagationPolicy: "Foreground" });
  expect(owner.object.metadata.finalizers).toEqual(["foregroundDeletion"]);
  kube.run();
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect((await kube.call("GET", `${MAPS}/parent`)).status).toBe(200);
  await kube.patch(`${MAPS}/grandchild`, { metadata: { finalizers: null } });
  await kube.untilGone(`${MAPS}/parent`);
  expect((await kube.call("GET", `${MAPS}/child`)).status).toBe(404);
});

test("orphan: dependents stay, without the reference", async () => {
  await using kube = new KubeFixture();
  kube.run();
  await family(kube);
  await kube.call("DELETE", `${MAPS}/parent?propagationPolicy=Orphan`);
  await kube.untilGone(`${MAPS}/parent`);
  const child = await kube.call("GET", `${MAPS}/child`);
  expect(child.object.metadata.ownerReferences).toBeUndefined();
  expect((await kube.call("GET", `${MAPS}/grandchild`)).status).toBe(200);
});

test("a namespace takes its contents with it, waits for bound pods, and admits nothing meanwhile", async () => {
  await using kube = new KubeFixture();
  kube.run();
  await kube.call("POST", "/api/v1/namespaces", { metadata: { name: "n" } });
  await kube.call("POST", "/api/v1/namespaces/n/configmaps", { metadata: { name: "a" } });
  await kube.call("POST", "/api/v1/namespaces/n/pods", podBody("p", { nodeName: "local" }));
  const deleting = await kube.call("DELETE", "/api/v1/namespaces/n");
  expect(deleting.object.status).toEqual({ phase: "Terminating" });
  expect((await kube.call("POST", "/api/v1/namespaces/n/configmaps", { metadata: { name: "b" } })).status).toBe(403);
  await kube.untilGone("/api/v1/namespaces/n/configmaps/a");
  expect((await kube.call("GET", "/api/v1/namespaces/n")).status).toBe(200);
  await kube.call("DELETE", "/api/v1/namespaces/n/pods/p", { gracePeriodSeconds: 0 });
  await kube.untilGone("/api/v1/namespaces/n");
});

test("a definition takes its custom resources with it and is not served afterwards", async () => {
  await using kube = new KubeFixture();
  kube.run();
  await kube.call("POST", CRDS, widgetCrd());
  await kube.call("POST", WIDGETS, widget("a"));
  await kube.call("DELETE", `${CRDS}/widgets.example.dev`);
  await kube.untilGone(`${CRDS}/widgets.example.dev`);
  expect((await kube.call("GET", WIDGETS)).status).toBe(404);
});

test("a definition on its way out admits no new custom resources and waits for those with finalizers", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", CRDS, widgetCrd());
  await kube.call("POST", WIDGETS, widget("a", { size: 1 }, { finalizers: ["x.dev/f"] }));
  await kube.call("DELETE", `${CRDS}/widgets.example.dev`);
  expect((await kube.call("POST", WIDGETS, widget("b"))).status).toBe(405);
  kube.run();
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect((await kube.call("GET", `${CRDS}/widgets.example.dev`)).status).toBe(200);
  await kube.patch(`${WIDGETS}/a`, { metadata: { finalizers: null } });
  await kube.untilGone(`${CRDS}/widgets.example.dev`);
});

test("deletecollection removes exactly what the selector selects", async () => {
  await using kube = new KubeFixture();
  for (const [name, team] of [
    ["a", "x"],
    ["b", "y"],
    ["c", "x"],
  ] as const)
    await kube.call("POST", MAPS, { metadata: { name, labels: { team } } });
  await kube.call("DELETE", `${MAPS}?labelSelector=team%3Dx`);
  expect((await kube.call("GET", MAPS)).object.items?.map((item) => item.metadata.name)).toEqual(["b"]);
});

test("events go an hour after they last occurred", async () => {
  await using kube = new KubeFixture();
  const events = "/api/v1/namespaces/default/events";
  const event = (name: string, lastTimestamp: string) => ({
    metadata: { name },
    lastTimestamp,
    involvedObject: { kind: "Pod", name: "p" },
  });
  await kube.call("POST", events, event("old", "2030-01-01T00:00:00.000Z"));
  await kube.call("POST", events, event("again", "2030-01-01T00:30:00Z"));
  kube.clock.advance(61 * 60_000);
  kube.run();
  await kube.untilGone(`${events}/old`);
  expect((await kube.call("GET", `${events}/again`)).status).toBe(200);
});
