import { expect, test } from "vitest";
import { containerEnv } from "./container-env.ts";
import { podView } from "./pod-view.ts";
import { type DataKind, Unresolved } from "./references.ts";

const pod = podView({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "ns", uid: "u1", labels: { tier: "x" } },
  spec: { containers: [] },
});
const bytes = (data: Record<string, string>) =>
  new Map(Object.entries(data).map(([key, value]) => [key, Buffer.from(value)]));
const objects = new Map([
  ["secret/ns/s", bytes({ k: "hidden", nul: "a\0b" })],
  ["configMap/ns/c", bytes({ level: "debug", "no name!": "left out" })],
]);
const context = {
  baseEnv: { PATH: "/usr/bin", LANG: "C.UTF-8" },
  python: "/venv/bin/python",
  nodeMark: "n1",
  nodeName: "local",
  workFolder: "/w",
  references: {
    read: async (kind: DataKind, namespace: string, name: string) => objects.get(`${kind}/${namespace}/${name}`),
    token: async () => "a token",
  },
};
type Main = Parameters<typeof containerEnv>[1];
const build = (env: Main["env"], envFrom: Main["envFrom"] = []) =>
  containerEnv(pod, { name: "main", env: env ?? [], envFrom }, context);

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
  await expect(unsupported).rejects.toBeInstanceOf(Unresolved);
});

test("whole Secrets and ConfigMaps come as variables, and env takes their place", async () => {
  const from = [{ configMapRef: { name: "c" } }, { prefix: "S_", secretRef: { name: "s2", optional: true } }];
  const { own } = await build([{ name: "X", valueFrom: { configMapKeyRef: { name: "c", key: "level" } } }], from);
  expect(own).toEqual({ level: "debug", X: "debug" });
  expect((await build([{ name: "level", value: "info" }], from)).own).toEqual({ level: "info" });
  await expect(build([], [{ secretRef: { name: "s2" } }])).rejects.toThrow('envFrom: secret "s2" not found');
});

test("a value with a NUL is refused as a variable, with the way out", async () => {
  const nul = build([{ name: "X", valueFrom: { secretKeyRef: { name: "s", key: "nul" } } }]);
  await expect(nul).rejects.toThrow("env X: the value holds a NUL, which no variable can; use it as a file");
});
