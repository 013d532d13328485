import { expect, test } from "vitest";
import { containerEnv, EnvUnresolved } from "./container-env.ts";
import { podView } from "./pod-view.ts";

const pod = podView({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "ns", uid: "u1", labels: { tier: "x" } },
  spec: { containers: [] },
});
const context = {
  baseEnv: { PATH: "/usr/bin", LANG: "C.UTF-8" },
  python: "/venv/bin/python",
  nodeMark: "n1",
  nodeName: "local",
  workFolder: "/w",
  readSecret: async (namespace: string, name: string, key: string): Promise<string | undefined> =>
    `${namespace}/${name}/${key}` === "ns/s/k" ? "hidden" : undefined,
};
const build = (env: Parameters<typeof containerEnv>[1]["env"]) => containerEnv(pod, { name: "main", env }, context);

test("values, references to earlier variables, secrets and fields are what a kubelet gives", async () => {
  const { all, own } = await build([
    { name: "A", value: "1" },
    { name: "B", value: "$(A)-$(C)-$$(A)" },
    { name: "C", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
    { name: "D", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } },
    { name: "E", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
    { name: "F", valueFrom: { fieldRef: { fieldPath: "metadata.labels['tier']" } } },
    { name: "G", valueFrom: { secretKeyRef: { name: "s", key: "none", optional: true } } },
    { name: "PATH", value: "/opt" },
  ]);
  expect(own).toEqual({ A: "1", B: "1-$(C)-$(A)", C: "hidden", D: "u1", E: "127.0.0.1", F: "x", PATH: "/opt" });
  expect(all).toMatchObject({
    PATH: "/venv/bin:/opt",
    HOME: "/w",
    LANG: "C.UTF-8",
    PYTHONUNBUFFERED: "1",
    HOMEPLANE_POD_UID: "u1",
  });
});

test("nothing of homeplane's own environment reaches a pod", async () => {
  const { all } = await build([]);
  expect(Object.keys(all).toSorted()).toEqual([
    "HOME",
    "HOMEPLANE_CONTAINER",
    "HOMEPLANE_NODE",
    "HOMEPLANE_POD_UID",
    "HOSTNAME",
    "LANG",
    "PATH",
    "PYTHONUNBUFFERED",
  ]);
});

test("the marks can not be taken over by the pod's own variables", async () => {
  const { all } = await build([
    { name: "HOMEPLANE_POD_UID", value: "other" },
    { name: "HOMEPLANE_NODE", value: "other" },
  ]);
  expect(all).toMatchObject({ HOMEPLANE_POD_UID: "u1", HOMEPLANE_NODE: "n1" });
});

test("a secret that is not there, and a source that is not supported, say what is missing", async () => {
  const missing = build([{ name: "X", valueFrom: { secretKeyRef: { name: "s", key: "other" } } }]);
  await expect(missing).rejects.toThrow('env X: key "other" of secret "s" not found');
  const unsupported = build([{ name: "X", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } }]);
  await expect(unsupported).rejects.toBeInstanceOf(EnvUnresolved);
});
