import * as fc from "fast-check";
import { expect, test } from "vitest";
import { at, type JsonObject } from "../store/json.ts";
import { KubeFixture, podBody } from "../testing/kube-fixture.ts";

const DEFAULT = "/api/v1/namespaces/default";

function quota(hard: JsonObject, more: JsonObject = {}, name = "q"): JsonObject {
  return { apiVersion: "v1", kind: "ResourceQuota", metadata: { name }, spec: { hard, ...more } };
}

function sized(name: string, requests: JsonObject, limits: JsonObject = {}, more: JsonObject = {}): JsonObject {
  return podBody(name, {
    ...more,
    containers: [{ name: "main", image: "busybox:1", resources: { requests, limits } }],
  });
}

async function quotas(...bodies: JsonObject[]): Promise<KubeFixture> {
  const kube = new KubeFixture();
  for (const body of bodies)
    expect((await kube.call("POST", `${DEFAULT}/resourcequotas`, body)).status, JSON.stringify(body)).toBe(201);
  return kube;
}

const pod = (kube: KubeFixture, body: JsonObject) => kube.call("POST", `${DEFAULT}/pods`, body);

/** Lets the status be written, as run() would in its own time. */
async function used(kube: KubeFixture, name = "q"): Promise<unknown> {
  for (let turn = 0; turn < 50; turn++) {
    kube.clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return at((await kube.call("GET", `${DEFAULT}/resourcequotas/${name}`)).object.status, "used");
}

test("one pod more than a quota allows is refused in Kubernetes' words, and let in when another has ended or gone", async () => {
  await using kube = await quotas(quota({ pods: 2 }));
  kube.run();
  for (const name of ["a", "b"]) expect((await pod(kube, podBody(name))).status).toBe(201);
  const refused = await pod(kube, podBody("c"));
  expect(refused.status).toBe(403);
  expect(refused.object).toMatchObject({
    reason: "Forbidden",
    message: 'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
  });
  expect(await used(kube)).toEqual({ pods: "2" });
  await kube.patch(`${DEFAULT}/pods/a/status`, { status: { phase: "Succeeded" } });
  expect((await pod(kube, podBody("c"))).status).toBe(201);
  await kube.call("DELETE", `${DEFAULT}/pods/b`);
  expect((await pod(kube, podBody("d"))).status).toBe(201);
  expect(await used(kube)).toEqual({ pods: "2" });
});

test("requests and limits are counted over all containers; an init container counts where it is larger", async () => {
  await using kube = await quotas(quota({ cpu: "2", "limits.memory": "3Gi" }));
  kube.run();
  const init = { name: "init", image: "i", resources: { requests: { cpu: "1500m" }, limits: { memory: "1Gi" } } };
  const more = { initContainers: [init] };
  expect((await pod(kube, sized("a", { cpu: "250m" }, { memory: "1536Mi" }, more))).status).toBe(201);
  expect(await used(kube)).toEqual({ cpu: "1500m", "limits.memory": "1536Mi" });
  const refused = await pod(kube, sized("b", { cpu: "600m" }, { memory: "2Gi" }));
  expect(refused.object.message).toBe(
    'pods "b" is forbidden: exceeded quota: q, requested: cpu=600m,limits.memory=2Gi, used: cpu=1500m,limits.memory=1536Mi, limited: cpu=2,limits.memory=3Gi',
  );
});

test("where a quota counts it, a container must say it", async () => {
  await using kube = await quotas(quota({ "limits.cpu": 1, "requests.memory": "1Gi" }));
  const refused = await pod(kube, podBody("a"));
  expect(refused.object.message).toBe(
    'pods "a" is forbidden: failed quota: q: must specify limits.cpu for: main; requests.memory for: main',
  );
});

test("objects of any kind are counted, also those that were there before the quota", async () => {
  await using kube = new KubeFixture();
  const map = (name: string) => kube.call("POST", `${DEFAULT}/configmaps`, { metadata: { name } });
  for (const name of ["a", "b"]) await map(name);
  await kube.call("POST", `${DEFAULT}/resourcequotas`, quota({ "count/configmaps": 3, configmaps: 5 }));
  expect((await map("c")).status).toBe(201);
  expect((await map("d")).object.message).toBe(
    'configmaps "d" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=3, limited: count/configmaps=3',
  );
  await kube.call("DELETE", `${DEFAULT}/configmaps/a`);
  expect((await map("d")).status).toBe(201);
});

test("a quota with a scope counts only the pods in it", async () => {
  await using kube = await quotas(
    quota({ pods: 0 }, { scopes: ["BestEffort"] }),
    quota({ pods: 1 }, { scopes: ["Terminating"] }, "t"),
  );
  expect((await pod(kube, podBody("a"))).status).toBe(403);
  expect((await pod(kube, sized("b", { cpu: "1" }))).status).toBe(201);
  expect((await pod(kube, sized("c", { cpu: "1" }, {}, { activeDeadlineSeconds: 9 }))).status).toBe(201);
  expect((await pod(kube, sized("d", { cpu: "1" }, {}, { activeDeadlineSeconds: 9 }))).status).toBe(403);
  expect(
    (await kube.call("POST", `${DEFAULT}/resourcequotas`, quota({ pods: 1 }, { scopes: ["Never"] }, "n"))).status,
  ).toBe(422);
});

test("a quota that is changed or deleted counts at once", async () => {
  await using kube = await quotas(quota({ pods: 0 }));
  expect((await pod(kube, podBody("a"))).status).toBe(403);
  await kube.patch(`${DEFAULT}/resourcequotas/q`, { spec: { hard: { pods: "1" } } });
  expect((await pod(kube, podBody("a"))).status).toBe(201);
  expect((await pod(kube, podBody("b"))).status).toBe(403);
  await kube.call("DELETE", `${DEFAULT}/resourcequotas/q`);
  expect((await pod(kube, podBody("b"))).status).toBe(201);
});

test("of many creates at once no more than the quota allows succeed", async () => {
  await using kube = await quotas(quota({ pods: 7 }));
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => pod(kube, podBody(`p${n}`))));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(7);
  expect(answers.filter(({ status }) => status === 403)).toHaveLength(33);
});

test("whatever is created, ended and deleted in whatever order: used is what exists, and never more than hard", async () => {
  const step = fc.record({
    does: fc.constantFrom("create", "end", "delete"),
    n: fc.nat(5),
    cpu: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      await using kube = await quotas(quota({ "requests.cpu": "5", pods: "4" }));
      kube.run();
      const live = new Map<number, { cpu: number; ended: boolean }>();
      const total = () => [...live.values()].filter((one) => !one.ended).reduce((sum, { cpu }) => sum + cpu, 0);
      const count = () => [...live.values()].filter((one) => !one.ended).length;
      for (const { does, n, cpu } of steps) {
        const known = live.get(n);
        if (does === "create") {
          const { status } = await pod(kube, sized(`p${n}`, { cpu: String(cpu) }));
          if (known === undefined) {
            const fits = total() + cpu <= 5 && count() < 4;
            expect(status).toBe(fits ? 201 : 403);
            if (fits) live.set(n, { cpu, ended: false });
          } else expect(status).toBe(409);
        } else if (does === "delete") {
          await kube.call("DELETE", `${DEFAULT}/pods/p${n}`);
          live.delete(n);
        } else if (known !== undefined && !known.ended) {
          await kube.patch(`${DEFAULT}/pods/p${n}/status`, { status: { phase: "Failed" } });
          live.set(n, { ...known, ended: true });
        }
      }
      expect(await used(kube)).toEqual({ pods: String(count()), "requests.cpu": String(total()) });
    }),
    { numRuns: 25 },
  );
});
