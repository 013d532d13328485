import { type MessageInitShape, toBinary, create } from "@bufbuild/protobuf";
import { Secret_MountType as MountType, type SecretSchema } from "@homeplane/idl/flyteidl2/core/security";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import type { Pod } from "@homeplane/kube";
import { expect, test } from "vitest";
import { sampleTaskAction, testConfig } from "../testing/samples.ts";
import { buildPod } from "./build-pod.ts";
import { podContext } from "./task.ts";

type Secrets = readonly Exclude<MessageInitShape<typeof SecretSchema>, { $typeName: string }>[];

function podOf(ofTask: Secrets, ofRun: Secrets = []): Pod {
  const runSpec = toBinary(RunSpecSchema, create(RunSpecSchema, { securityContext: { secrets: [...ofRun] } }));
  const base = sampleTaskAction({}, { template: { securityContext: { secrets: [...ofTask] } } });
  const spec = { ...base.spec, runSpec: Buffer.from(runSpec).toString("base64") };
  return buildPod(podContext(testConfig.pod, { ...base, spec }));
}
const secretEnv = (pod: Pod) => (pod.spec.containers[0]?.env ?? []).filter(({ valueFrom }) => valueFrom !== undefined);
const env = (key: string, envVar: string, group = "") => ({ key, group, envVar, mountRequirement: MountType.ENV_VAR });
const file = (key: string, group = "") => ({ key, group, mountRequirement: MountType.FILE });

test("a variable refers to the Secret of the pod's name, and holds no value", () => {
  const pod = podOf([env("api-key", "OPENAI_API_KEY")]);
  const secretKeyRef = { name: pod.metadata.name, key: "api-key" };
  expect(secretEnv(pod)).toEqual([{ name: "OPENAI_API_KEY", valueFrom: { secretKeyRef } }]);
  expect(pod.metadata.labels).toMatchObject({ "homeplane.dev/task-secrets": "true" });
});

test("without a name of its own the variable is group and key, as the SDK makes it", () => {
  const names = secretEnv(podOf([env("my-key", ""), { key: "pass-word", group: "db" }])).map(({ name }) => name);
  expect(names).toEqual(["MY_KEY", "DB_PASS_WORD"]);
});

test("files lie in the SDK's folder under lower-case names, readable by the pod's group alone", () => {
  const pod = podOf([file("Service-Account"), file("other", "grp"), env("third", "THIRD")]);
  expect(pod.spec.volumes).toEqual([
    {
      name: "homeplane-secrets",
      secret: {
        secretName: pod.metadata.name,
        defaultMode: 0o440,
        items: [
          { key: "Service-Account", path: "service-account" },
          { key: "grp.other", path: "other" },
        ],
      },
    },
  ]);
  expect(pod.spec.containers[0]?.volumeMounts).toEqual([
    { name: "homeplane-secrets", mountPath: "/etc/flyte/secrets", readOnly: true },
  ]);
});

test("a secret of the task takes the place of the run's", () => {
  const pod = podOf([env("of-task", "KEY")], [env("of-run", "KEY"), env("more", "MORE")]);
  expect(secretEnv(pod).map(({ name, valueFrom }) => [name, valueFrom?.secretKeyRef?.key])).toEqual([
    ["KEY", "of-task"],
    ["MORE", "more"],
  ]);
});

test("a secret can not take the place of what the SDK needs", () => {
  expect(secretEnv(podOf([env("key", "ACTION_NAME")]))).toEqual([]);
});

test.each([
  ["a bad key", [env("a/b", "A")], /secrets\[0\]\.key: "a\/b" must be/],
  ["a bad group", [env("a", "A", "g/h")], /secrets\[0\]\.group: "g\/h" must be/],
  ["a bad variable", [env("a", "1A")], /secrets\[0\]\.env_var: "1A" is no name/],
  [
    "two for one variable",
    [env("a", "A"), env("b", "A")],
    /secrets\[1\]: "a" and "b" both want the environment variable A/,
  ],
  ["two for one file", [file("A"), file("a")], /"A" and "a" both want the file \/etc\/flyte\/secrets\/a/],
])("%s is an invalid spec that says which", (_, list, message) => {
  expect(() => podOf(list)).toThrow(message);
});

test("the same secret asked for twice is one", () => {
  expect(secretEnv(podOf([env("a", "A"), env("a", "A")]))).toHaveLength(1);
});
