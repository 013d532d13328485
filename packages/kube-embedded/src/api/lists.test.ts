import { expect, test } from "vitest";
import { KubeFixture, podBody, widget, widgetCrd } from "../testing/kube-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";
const TABLE = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };

test("pages cover everything once and carry one resourceVersion", async () => {
  await using kube = new KubeFixture();
  for (let n = 0; n < 7; n++) await kube.call("POST", MAPS, { metadata: { name: `a${n}` } });
  const names: (string | undefined)[] = [];
  const versions = new Set<string | undefined>();
  let next = "";
  do {
    const page = await kube.call("GET", `${MAPS}?limit=3&continue=${next}`);
    versions.add(page.object.metadata.resourceVersion);
    names.push(...(page.object.items ?? []).map((item) => item.metadata.name));
    next = (page.object.metadata as { continue?: string }).continue ?? "";
    await kube.patch(`${MAPS}/a0`, { data: { k: next } });
  } while (next !== "");
  expect(names).toEqual(["a0", "a1", "a2", "a3", "a4", "a5", "a6"]);
  expect(versions.size).toBe(1);
  expect((await kube.call("GET", `${MAPS}?continue=junk`)).status).toBe(400);
});

test.each([
  ["team=x", ["a"]],
  ["team!=x", ["b", "c"]],
  ["team in (x, y)", ["a", "b"]],
  ["team notin (x)", ["b", "c"]],
  ["team", ["a", "b"]],
  ["!team", ["c"]],
  ["team in (x,y),size=2", ["b"]],
])("label selector %s", async (selector, names) => {
  await using kube = new KubeFixture();
  await kube.call("POST", MAPS, { metadata: { name: "a", labels: { team: "x", size: "1" } } });
  await kube.call("POST", MAPS, { metadata: { name: "b", labels: { team: "y", size: "2" } } });
  await kube.call("POST", MAPS, { metadata: { name: "c" } });
  const found = await kube.call("GET", `${MAPS}?labelSelector=${encodeURIComponent(selector)}`);
  expect(found.object.items?.map((item) => item.metadata.name)).toEqual(names);
});

test("field selectors know the fields of the kind and refuse others", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", PODS, podBody("p"));
  const count = async (path: string): Promise<number | undefined> =>
    (await kube.call("GET", path)).object.items?.length;
  expect(
    await count("/api/v1/pods?fieldSelector=metadata.name%3Dp,metadata.namespace%3Ddefault,status.phase%3DPending"),
  ).toBe(1);
  expect(await count(`${PODS}?fieldSelector=metadata.name%3Dp,status.phase%21%3DPending`)).toBe(0);
  const event = { metadata: { name: "e" }, involvedObject: { kind: "Pod", name: "p", namespace: "default", uid: "1" } };
  await kube.call("POST", "/api/v1/namespaces/default/events", event);
  expect(await count("/api/v1/events?fieldSelector=involvedObject.name%3Dp,involvedObject.kind%3DPod")).toBe(1);
  expect((await kube.call("GET", `${PODS}?fieldSelector=spec.nope%3D1`)).status).toBe(400);
});

test("tables show pods as kubectl users know them, and custom resources by their columns", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", PODS, podBody("p"));
  const running = {
    name: "main",
    ready: true,
    restartCount: 1,
    state: { running: {} },
    lastState: { terminated: { finishedAt: "2029-12-31T23:59:00Z" } },
  };
  await kube.patch(`${PODS}/p/status`, { status: { phase: "Running", containerStatuses: [running] } });
  kube.clock.advance(125_000);
  const pods = await kube.call("GET", PODS, undefined, TABLE);
  expect(pods.object.rows?.[0]?.cells).toEqual([
    "p",
    "1/1",
    "Running",
    "1 (3m5s ago)",
    "2m5s",
    "<none>",
    "<none>",
    "<none>",
    "<none>",
  ]);
  await kube.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", widgetCrd());
  await kube.call("POST", "/apis/example.dev/v1/namespaces/default/widgets", widget("w"));
  const status = {
    conditions: [
      { type: "Other", reason: "No" },
      { type: "Progressing", reason: "Executing" },
    ],
  };
  await kube.patch("/apis/example.dev/v1/namespaces/default/widgets/w/status", { status });
  const widgets = await kube.call("GET", "/apis/example.dev/v1/widgets", undefined, TABLE);
  expect(widgets.object.rows?.[0]?.cells).toEqual(["w", 3, "Executing"]);
});

test("discovery names every kind with its verbs and subresources", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", widgetCrd());
  const core = (await kube.call("GET", "/api/v1")).object.resources as { name: string }[];
  expect(core.map((one) => one.name)).toEqual(
    expect.arrayContaining(["pods", "pods/status", "pods/log", "namespaces", "secrets", "events"]),
  );
  const groups = (await kube.call("GET", "/apis")).object.groups as { name: string }[];
  expect(groups.map((one) => one.name)).toEqual(
    expect.arrayContaining(["apiextensions.k8s.io", "authentication.k8s.io", "coordination.k8s.io", "example.dev"]),
  );
  const custom = (await kube.call("GET", "/apis/example.dev/v1")).object.resources as object[];
  expect(custom[0]).toMatchObject({
    name: "widgets",
    singularName: "widget",
    kind: "Widget",
    namespaced: true,
    shortNames: ["wd"],
  });
  for (const path of ["/healthz", "/livez", "/readyz"]) expect((await kube.call("GET", path)).object.kind).toBe("ok");
});

test("logs are asked of the runtime with what the client wanted, after the container was checked", async () => {
  const asked: object[] = [];
  await using kube = new KubeFixture({
    podLogs: async function* (request) {
      asked.push(request);
      yield new TextEncoder().encode("hello\n");
    },
  });
  await kube.call("POST", PODS, podBody("p"));
  expect((await kube.call("GET", `${PODS}/p/log`)).object.message).toContain("is waiting to start");
  await kube.patch(`${PODS}/p/status`, {
    status: { containerStatuses: [{ name: "main", containerID: "x", state: { running: {} } }] },
  });
  const log = await kube.call("GET", `${PODS}/p/log?tailLines=5&timestamps=true&follow=1&sinceSeconds=9&limitBytes=7`);
  expect(log.object.kind).toBe("hello\n");
  expect(asked).toMatchObject([
    {
      namespace: "default",
      pod: "p",
      container: "main",
      follow: true,
      timestamps: true,
      tailLines: 5,
      sinceSeconds: 9,
      limitBytes: 7,
    },
  ]);
  expect((await kube.call("GET", `${PODS}/p/log?container=nope`)).status).toBe(400);
  expect((await kube.call("GET", `${PODS}/p/log?tailLines=-1`)).status).toBe(400);
});
