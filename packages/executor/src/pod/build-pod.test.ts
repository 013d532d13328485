import { create, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { Resources_ResourceName as ResourceName } from "@homeplane/idl/flyteidl2/core/tasks";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import type { TaskAction } from "@homeplane/idl";
import fc from "fast-check";
import { expect, test } from "vitest";
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
