import { expect, test } from "vitest";
import { at, type JsonObject, listAt } from "../store/json.ts";
import { KubeFixture, podBody } from "../testing/kube-fixture.ts";

const DEFAULT = "/api/v1/namespaces/default";

async function limited(...limits: JsonObject[]): Promise<KubeFixture> {
  const kube = new KubeFixture();
  const body = { apiVersion: "v1", kind: "LimitRange", metadata: { name: "r" }, spec: { limits } };
  expect((await kube.call("POST", `${DEFAULT}/limitranges`, body)).status).toBe(201);
  return kube;
}

async function pod(kube: KubeFixture, resources: JsonObject) {
  const containers = [{ name: "main", image: "busybox:1", resources }];
  return await kube.call("POST", `${DEFAULT}/pods`, podBody("p", { containers }));
}

test("what a container does not say comes from the range: limits, requests, and its class of service", async () => {
  await using kube = await limited({
    type: "Container",
    default: { cpu: 1, memory: "1Gi" },
    defaultRequest: { cpu: "100m" },
  });
  const { object } = await pod(kube, { requests: { memory: "64Mi" } });
  expect(at(listAt(object, "spec", "containers")[0], "resources")).toEqual({
    limits: { cpu: "1", memory: "1Gi" },
    requests: { cpu: "100m", memory: "64Mi" },
  });
  expect(at(object, "status", "qosClass")).toBe("Burstable");
});

test.each([
  [
    { min: { cpu: "100m" } },
    { requests: { cpu: "50m" } },
    "minimum cpu usage per Container is 100m, but request is 50m",
  ],
  [
    { max: { memory: "1Gi" } },
    { limits: { memory: "2Gi" } },
    "maximum memory usage per Container is 1Gi, but limit is 2Gi",
  ],
  [
    { maxLimitRequestRatio: { cpu: "2" } },
    { requests: { cpu: "100m" }, limits: { cpu: "400m" } },
    "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
  ],
] as const)("%j refuses %j: %s", async (bound, resources, message) => {
  await using kube = await limited({ type: "Container", ...bound });
  const { status, object } = await pod(kube, resources);
  expect({ status, message: object.message }).toEqual({ status: 403, message: `pods "p" is forbidden: ${message}` });
});

test("a pod is held against a range as a whole", async () => {
  await using kube = await limited({ type: "Pod", max: { cpu: "1" } });
  const one = (name: string) => ({ name, image: "i", resources: { limits: { cpu: "600m" } } });
  const body = podBody("p", { containers: [one("a"), one("b")] });
  expect((await kube.call("POST", `${DEFAULT}/pods`, body)).object.message).toContain(
    "maximum cpu usage per Pod is 1, but limit is 1200m",
  );
});

test.each([
  [{ requests: { cpu: "2" }, limits: { cpu: "1" } }, "must be less than or equal to cpu limit of 1"],
  [{ limits: { cpu: "-1" } }, "must be greater than or equal to 0"],
  [{ requests: { "nvidia.com/gpu": "1" } }, "Limit must be set for non overcommitable resources"],
] as const)("resources that make no sense are invalid: %j", async (resources, message) => {
  await using kube = new KubeFixture();
  const { status, object } = await pod(kube, resources);
  expect(status).toBe(422);
  expect(object.message).toContain(message);
});

test("what is no quantity can not be read", async () => {
  await using kube = new KubeFixture();
  const { status, object } = await pod(kube, { requests: { memory: "1 GB" } });
  expect(status).toBe(400);
  expect(object.message).toContain('the amount of memory can not be read: "1 GB": quantities must match');
});

test("a limit is its own request, and with both for all a pod is guaranteed", async () => {
  await using kube = new KubeFixture();
  const { object } = await pod(kube, { limits: { cpu: 2, memory: "1Gi" } });
  expect(at(listAt(object, "spec", "containers")[0], "resources", "requests")).toEqual({ cpu: "2", memory: "1Gi" });
  expect(at(object, "status", "qosClass")).toBe("Guaranteed");
});
