import { create, type JsonObject, toBinary } from "@bufbuild/protobuf";
import {
  GPUAccelerator_DeviceClass,
  Resources_ResourceName as ResourceName,
} from "@homeplane/idl/flyteidl2/core/tasks";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import type { TaskAction } from "@homeplane/idl";
import fc from "fast-check";
import { expect, test } from "vitest";
import { clusterPodDefaults } from "../config.ts";
import { sampleTaskAction, type TaskOptions, testConfig } from "../testing/samples.ts";
import { render } from "./arguments.ts";
import { buildPod } from "./build-pod.ts";
import { podContext } from "./task.ts";

function podOf(
  task: TaskOptions = {},
  more: {
    spec?: Partial<TaskAction["spec"]>;
    status?: TaskAction["status"];
    config?: Partial<typeof testConfig.pod>;
  } = {},
) {
  const base = sampleTaskAction(more.status === undefined ? {} : { status: more.status }, task);
  return buildPod(podContext({ ...testConfig.pod, ...more.config }, { ...base, spec: { ...base.spec, ...more.spec } }));
}

const envOf = (pod: ReturnType<typeof podOf>): Record<string, string | undefined> =>
  Object.fromEntries((pod.spec.containers[0]?.env ?? []).map(({ name, value }) => [name, value]));

test("the whole pod of a container task", () => {
  const container = {
    image: "ghcr.io/acme/app:1",
    args: [
      "a0",
      "--inputs",
      "{{.input}}",
      "--outputs-path",
      "{{ .outputPrefix }}",
      "--prev-checkpoint",
      "{{.PrevCheckpointPrefix}}",
      "--name",
      "{{.actionName}}",
    ],
    env: [{ key: "LEVEL", value: "debug" }],
    resources: {
      requests: [
        { name: ResourceName.CPU, value: "500m" },
        { name: ResourceName.GPU, value: "2" },
      ],
      limits: [{ name: ResourceName.MEMORY, value: "2Gi" }],
    },
  };
  expect(podOf({ template: { target: { case: "container", value: container } } })).toMatchSnapshot();
});

test("the whole pod of a k8s_pod task", () => {
  const podSpec: JsonObject = {
    containers: [
      {
        name: "main",
        image: "main:1",
        args: ["{{.outputPrefix}}"],
        env: [{ name: "ACTION_NAME", value: "forged" }],
        securityContext: { readOnlyRootFilesystem: true },
      },
      { name: "proxy", image: "proxy:1", args: ["{{.runName}}"] },
    ],
    initContainers: [{ name: "fetch", image: "fetch:1" }],
    restartPolicy: "Always",
    nodeSelector: { pool: "gpu" },
    terminationGracePeriodSeconds: 5,
  };
  const target = {
    case: "k8sPod" as const,
    value: { podSpec, primaryContainerName: "main", metadata: { labels: { team: "ml", "flyte.org/run": "forged" } } },
  };
  expect(podOf({ type: "sidecar", template: { target } })).toMatchSnapshot();
});

const cluster = {
  ...clusterPodDefaults,
  initImage: "registry/homeplane@sha256:1",
  labels: { "azure.workload.identity/use": "true" },
  imagePullSecrets: ["pull"],
  nodeSelector: { pool: "tasks", arch: "amd64" },
  tolerations: [{ key: "tasks", operator: "Exists" as const }],
  priorityClassName: "tasks",
  webIdentity: {
    audience: "sts.amazonaws.com",
    roleArn: "arn:aws:iam::000000000000:role/userflyterole",
    region: "us-east-1",
    stsEndpoint: "https://sts.example",
    endpoint: "https://store.example",
  },
};
const onCluster = {
  objectStoreEnv: {},
  serviceAccount: "task",
  gateway: { hostPort: "task-gateway.union.svc:8443", insecure: false },
  cluster,
};
const sdkArgs = (...more: string[]): string[] => ["a0", "--inputs", "{{.input}}", ...more, "--dest", "."];

test("the whole pod of an SDK task on a cluster", () => {
  const args = sdkArgs("--tgz", "s3://fast/acme/demo/development/0123/fast1.tar.gz");
  const template = {
    target: { case: "container" as const, value: { image: "flyte:py3.11", args } },
    extendedResources: {
      gpuAccelerator: { device: "nvidia-tesla-t4", deviceClass: GPUAccelerator_DeviceClass.NVIDIA_GPU },
      sharedMemory: { mountPath: "/dev/shm", mountName: "flyte-shm", sizeLimit: "1Gi" },
    },
  };
  expect(podOf({ template }, { config: onCluster })).toMatchSnapshot();
});

test.each([
  ["2.5.8", "ClientSecret"],
  ["2.7.1", "ClientSecret"],
  ["2.7.2", "ExternalCommand"],
  ["2.12.1", "ExternalCommand"],
  ["3.0.0", "ExternalCommand"],
  ["", "ExternalCommand"],
])("the SDK %j is told to show its token by %s", (version, authType) => {
  const target = { case: "container" as const, value: { image: "flyte:py3.11", args: sdkArgs() } };
  const pod = podOf({ template: { target, metadata: { runtime: { version } } } }, { config: onCluster });
  const { admin } = JSON.parse(pod.metadata.annotations?.["homeplane.dev/sdk-config"] ?? "") as { admin: JsonObject };
  expect(admin["authType"]).toBe(authType);
  const [source] = pod.spec.volumes?.find(({ name }) => name === "homeplane-identity")?.projected?.sources ?? [];
  // Those who read it once need it for as long as they run.
  expect(source?.serviceAccountToken?.expirationSeconds).toBe(authType === "ClientSecret" ? 86_400 : 3_600);
});

test("a pod template of the SDK's keeps its own on a cluster, and its primary container alone is the task", () => {
  const podSpec: JsonObject = {
    containers: [
      {
        name: "main",
        image: "main:1",
        args: sdkArgs("--pkl", "s3://meta/acme/demo/development/r1/abc.pkl.gz"),
        workingDir: "/srv",
        env: [
          { name: "HOME", value: "/srv/home" },
          { name: "UCTL_CONFIG", value: "/etc/forged" },
        ],
        resources: { requests: { gpu: "1" } },
      },
      { name: "proxy", image: "proxy:1" },
    ],
    initContainers: [{ name: "own", image: "own:1" }],
    nodeSelector: { pool: "gpu" },
    tolerations: [{ key: "own" }],
    imagePullSecrets: [{ name: "own" }],
    priorityClassName: "own",
    serviceAccountName: "own",
    shareProcessNamespace: false,
    volumes: [{ name: "own", emptyDir: {} }],
  };
  const template = {
    target: { case: "k8sPod" as const, value: { podSpec, metadata: { annotations: { team: "ml" } } } },
    config: { primary_container_name: "main" },
    extendedResources: { gpuAccelerator: { device: "", deviceClass: GPUAccelerator_DeviceClass.AMD_GPU } },
  };
  expect(podOf({ template }, { config: onCluster })).toMatchSnapshot();
});

test("the whole pod of a raw container with inputs and outputs on a cluster", () => {
  const args = ["sh", "-c", "echo {{.inputs.name}} {{.runName}} > /var/outputs/o"];
  const template = {
    target: { case: "container" as const, value: { image: "alpine:3", args, dataConfig: { enabled: true } } },
    interface: { outputs: { variables: [{ key: "o", value: {} }] } },
  };
  const base = sampleTaskAction({}, { template });
  const context = podContext({ ...testConfig.pod, ...onCluster }, base);
  // An input is text, also one that looks like a placeholder.
  const pod = buildPod({ ...context, inputs: new Map([["name", "{{.runName}}"]]) });
  expect(pod.spec.containers[0]?.args?.[2]).toBe("echo {{.runName}} r1 > /var/outputs/o");
  expect(pod.spec).toMatchSnapshot();
});

test("a task without a code bundle keeps its image's working directory, and asks for nothing", () => {
  const template = {
    target: { case: "container" as const, value: { image: "x", args: ["my-tool", "--tgz", "s3://a/b"] } },
  };
  const { spec } = podOf({ template }, { config: onCluster });
  expect(spec.initContainers).toBeUndefined();
  expect(spec.containers[0]?.workingDir).toBeUndefined();
  expect(JSON.stringify(spec)).not.toContain("homeplane-bundle");
});

test("no container but the primary one has a token, and no pod has a token for the Kubernetes API", () => {
  const podSpec: JsonObject = {
    containers: [
      { name: "primary", image: "x", args: sdkArgs("--tgz", "s3://fast/acme/demo/development/0123/fast1.tar.gz") },
      { name: "side", image: "y" },
    ],
    initContainers: [{ name: "own", image: "own:1" }],
  };
  const template = { target: { case: "k8sPod" as const, value: { podSpec } } };
  const { spec } = podOf({ template }, { config: onCluster });
  const withToken = [...(spec.initContainers ?? []), ...spec.containers].flatMap(({ name, volumeMounts = [] }) =>
    volumeMounts
      .filter(({ mountPath }) => mountPath.startsWith("/var/run/secrets"))
      .map((one) => `${name} ${one.name}`),
  );
  expect(withToken).toEqual([
    "homeplane-bundle homeplane-bundle-token",
    "primary homeplane-identity",
    "primary homeplane-sts",
  ]);
  expect(spec.automountServiceAccountToken).toBe(false);
});

test("the environment of the task goes before the run's, ours before both", () => {
  const env = [
    { key: "A", value: "task" },
    { key: "_U_USE_ACTIONS", value: "0" },
    { key: "FLYTE_ATTEMPT_NUMBER", value: "9" },
    { key: "_U_INSECURE", value: "true" },
  ];
  const task = { template: { target: { case: "container" as const, value: { image: "x", env } } } };
  const spec = { envVars: { A: "run", B: "run", _U_ORG_NAME: "forged" } };
  expect(envOf(podOf(task, { spec }))).toMatchObject({
    A: "task",
    B: "run",
    _U_USE_ACTIONS: "1",
    _U_ORG_NAME: "acme",
    FLYTE_ATTEMPT_NUMBER: "0",
    _U_INSECURE: "true",
  });
  const secure = { gateway: { hostPort: "gateway:443", insecure: false } };
  expect(envOf(podOf(task, { spec: { envVars: { _U_INSECURE: "true" } }, config: secure }))).not.toHaveProperty(
    "_U_INSECURE",
  );
});

test("a pod is told where the checkpoint lies that it goes on from, and where it is to leave its own", () => {
  const args = ["{{.checkpointOutputPrefix}}", "{{.prevCheckpointPrefix}}"];
  const container = { case: "container" as const, value: { image: "x", args } };
  const argsOf = (previousPrefix: string) => {
    const action = sampleTaskAction({ status: { attempts: 2 } }, { template: { target: container } });
    return buildPod(podContext(testConfig.pod, action, { previousPrefix })).spec.containers[0]?.args;
  };
  const base = "s3://meta/acme/demo/development/r1/a0";
  expect(argsOf("")).toEqual([`${base}/2/_flytecheckpoints`, '""']);
  expect(argsOf(`${base}/1.2`)).toEqual([`${base}/2/_flytecheckpoints`, `${base}/1.2/_flytecheckpoints`]);
});

test("each (attempt, incarnation) has a pod and a prefix of its own", () => {
  const seen = [1, 2, 3].flatMap((attempts) =>
    [0, 1, 2].map((systemFailures) => podOf({}, { status: { attempts, systemFailures } })),
  );
  expect(new Set(seen.map(({ metadata }) => metadata.name)).size).toBe(9);
  expect(new Set(seen.map(({ spec }) => spec.containers[0]?.args?.[0])).size).toBe(9);
});

test("the run's start time is the same for every action of the run", () => {
  const runSpec = Buffer.from(
    toBinary(RunSpecSchema, create(RunSpecSchema, { runStartTime: { seconds: 1_900_000_000n } })),
  ).toString("base64");
  const template = { target: { case: "container" as const, value: { image: "x", args: ["{{.runStartTime}}"] } } };
  expect(podOf({ template }, { spec: { runSpec } }).spec.containers[0]?.args).toEqual(["2030-03-17T17:46:40.000Z"]);
});

test("placeholders are replaced once, whatever their values hold; all else stays as it is", () => {
  const name = fc.constantFrom("input", "INPUT", "Output", "other");
  const piece = fc.oneof(
    name.map((one) => ({ name: one })),
    fc
      .string()
      .filter((text) => !text.includes("{"))
      .map((text) => ({ text })),
  );
  fc.assert(
    fc.property(fc.array(piece), fc.string(), fc.string(), (pieces, input, output) => {
      const values = new Map([
        ["input", input],
        ["output", output],
      ]);
      const template = pieces.map((one) => ("name" in one ? `{{.${one.name}}}` : one.text)).join("");
      const wanted = pieces
        .map((one) => ("name" in one ? (values.get(one.name.toLowerCase()) ?? `{{.${one.name}}}`) : one.text))
        .join("");
      expect(render(template, values)).toBe(wanted);
    }),
  );
});
