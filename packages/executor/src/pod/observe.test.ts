/** Every row of the table "What the end of a pod means", from the pod's status and the files to the outcome. */
import { create } from "@bufbuild/protobuf";
import { ContainerErrorSchema } from "@homeplane/idl/flyteidl2/core/execution";
import type { ContainerState, Pod, PodStatus } from "@homeplane/kube";
import { describe, expect, test } from "vitest";
import { type AttemptFiles, classifyEnd, type Outcome } from "../reconcile/outcome.ts";
import { projectPod } from "../reconcile/pod-record.ts";
import { judgeStart } from "../reconcile/start-problem.ts";
import { observePod, type PodState } from "./observe.ts";

const at = "2030-01-01T00:00:00Z";

function pod(status: PodStatus, spec: Partial<Pod["spec"]> = {}, metadata: Partial<Pod["metadata"]> = {}): Pod {
  const containers = [
    { name: "main", image: "x" },
    { name: "side", image: "x" },
  ];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "n", uid: "u", creationTimestamp: at, ...metadata },
    spec: { containers, ...spec },
    status,
  };
}

const container = (name: string, state: ContainerState) => ({
  name,
  state,
  ready: false,
  restartCount: 0,
  image: "x",
  imageID: "",
});
const dead = (exitCode: number, reason = exitCode === 0 ? "Completed" : "Error", message?: string): ContainerState => ({
  terminated: { exitCode, reason, ...(message === undefined ? {} : { message }), startedAt: at, finishedAt: at },
});
/** As the executor sees it: through the informer's projection. */
const stateOf = (one: Pod): PodState => observePod(projectPod(one), "main").state;

function outcomeOf(
  status: PodStatus,
  files: Partial<AttemptFiles> = {},
  declared = false,
  spec: Partial<Pod["spec"]> = {},
): Outcome {
  const state = stateOf(pod(status, spec));
  if (state.kind !== "ended") throw new Error(`the pod is ${state.kind}`);
  return classifyEnd(state.end, { outputs: false, ...files }, declared);
}

const failed = (state: ContainerState, more: PodStatus = {}): PodStatus => ({
  phase: "Failed",
  containerStatuses: [container("main", state)],
  ...more,
});
const done: PodStatus = { phase: "Succeeded", containerStatuses: [container("main", dead(0))] };
const error = (kind: 0 | 1, code = "E") => create(ContainerErrorSchema, { code, message: "m", kind });

const rows: [
  string,
  Outcome,
  Partial<Record<"kind" | "code" | "message", string>> & { final?: boolean; nodeStop?: boolean },
][] = [
  ["exit 0 with outputs", outcomeOf(done, { outputs: true }, true), { kind: "success" }],
  ["exit 0, none declared", outcomeOf(done), { kind: "success" }],
  [
    "exit 0 and a recoverable error.pb",
    outcomeOf(done, { error: error(1), outputs: true }),
    { kind: "user", code: "E", final: false },
  ],
  [
    "exit 1 and a recoverable error.pb",
    outcomeOf(failed(dead(1)), { error: error(1) }),
    { kind: "user", code: "E", final: false },
  ],
  ["a non-recoverable error.pb", outcomeOf(done, { error: error(0) }), { kind: "user", code: "E", final: true }],
  ["exit 0, declared outputs missing", outcomeOf(done, {}, true), { kind: "system", code: "OutputsMissing" }],
  [
    "an error.pb past the limit",
    outcomeOf(done, { error: { tooLarge: 2 << 20, code: "ValueError", message: "so much" } }),
    { kind: "user", code: "ErrorTooLarge", final: false },
  ],
  [
    "the pod template's own deadline",
    outcomeOf(failed(dead(137), { reason: "DeadlineExceeded" })),
    { kind: "user", code: "DeadlineExceeded", final: false },
  ],
  [
    "a pod over its deadline that never started a container",
    outcomeOf({ phase: "Failed", reason: "DeadlineExceeded" }),
    { kind: "user", code: "DeadlineExceeded" },
  ],
  ["an error.pb that is none", outcomeOf(done, { error: "unreadable" }), { kind: "user", code: "ErrorUnreadable" }],
  ["exit 3", outcomeOf(failed(dead(3))), { kind: "user", code: "ExitCode3", final: false }],
  ["a program that can not start", outcomeOf(failed(dead(128, "StartError"))), { kind: "user", code: "StartError" }],
  ["exit 143 without a disruption", outcomeOf(failed(dead(143))), { kind: "user", code: "ExitCode143" }],
  ["out of memory", outcomeOf(failed(dead(137, "OOMKilled"))), { kind: "user", code: "OOMKilled" }],
  [
    "a sidecar out of memory, on success",
    outcomeOf({
      phase: "Failed",
      containerStatuses: [container("main", dead(0)), container("side", dead(137, "OOMKilled"))],
    }),
    { kind: "user", code: "OOMKilled" },
  ],
  ["exit 137", outcomeOf(failed(dead(137))), { kind: "system", code: "Interrupted" }],
  ["exit 247", outcomeOf(failed(dead(247))), { kind: "system", code: "Interrupted" }],
  ...["Evicted", "Preempting", "NodeShutdown", "Terminated", "NodeLost"].map((reason): (typeof rows)[number] => [
    reason,
    outcomeOf(failed(dead(143), { reason })),
    { kind: "system", code: "Interrupted" },
  ]),
  [
    "an eviction in which the task exits 0",
    outcomeOf({ ...done, phase: "Failed", reason: "Evicted" }),
    { kind: "system", code: "Interrupted" },
  ],
  [
    "an eviction of a task that had written its outputs",
    outcomeOf({ ...done, phase: "Failed", reason: "Evicted" }, { outputs: true }, true),
    { kind: "success" },
  ],
  [
    "an orderly stop of the node",
    outcomeOf(
      failed(dead(143), {
        reason: "NodeShutdown",
        conditions: [{ type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet" }],
      }),
    ),
    { kind: "system", code: "Interrupted", nodeStop: true },
  ],
  [
    "a disruption target",
    outcomeOf(
      failed(dead(143), {
        conditions: [{ type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler" }],
      }),
    ),
    { kind: "system", code: "Interrupted" },
  ],
  [
    "a pod that the kubelet did not take",
    outcomeOf({ phase: "Failed", reason: "OutOfcpu" }),
    { kind: "system", code: "Interrupted" },
  ],
  [
    "a pod without its primary container",
    outcomeOf({ phase: "Succeeded" }, {}, false, { containers: [{ name: "side", image: "x" }] }),
    { kind: "user", code: "PrimaryContainerNotFound", final: true },
  ],
  [
    "an init container that fails",
    outcomeOf({
      phase: "Failed",
      initContainerStatuses: [container("fetch", dead(9))],
      containerStatuses: [container("main", { waiting: { reason: "PodInitializing" } })],
    }),
    {
      kind: "user",
      code: "ExitCode9",
      message: "init container fetch ended with exit code 9",
    },
  ],
  [
    "our own init container that fails",
    outcomeOf({
      phase: "Failed",
      initContainerStatuses: [
        container("homeplane-bundle", dead(1, "Error", "the task's code could not be placed: gone")),
      ],
      containerStatuses: [container("main", { waiting: { reason: "PodInitializing" } })],
    }),
    { kind: "system", code: "BundleNotFetched", message: "the task's code could not be placed: gone" },
  ],
  [
    "a container beside the task that a signal ends with it",
    outcomeOf({ ...done, initContainerStatuses: [container("beside", dead(143))] }, {}, false, {
      containers: [{ name: "main", image: "x" }],
      initContainers: [{ name: "beside", image: "x", restartPolicy: "Always" }],
    }),
    { kind: "success" },
  ],
  // The kubelet's own words, as version 1.34 has them.
  ...[
    'Usage of EmptyDir volume "homeplane-work" exceeds the limit "20Mi". ',
    "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
    'Container main exceeded its local ephemeral storage limit "1Gi". ',
  ].map((message): (typeof rows)[number] => [
    `an eviction for its own bound: ${message}`,
    outcomeOf(
      failed(dead(137), {
        reason: "Evicted",
        message,
        conditions: [{ type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet" }],
      }),
    ),
    {
      kind: "user",
      code: "EphemeralStorageExceeded",
      message: `${message.trim()} Raise that limit, or keep less on the pod's disk.`,
    },
  ]),
  [
    "an eviction for the node's want of disk",
    outcomeOf(
      failed(dead(137), {
        reason: "Evicted",
        message: "The node was low on resource: ephemeral-storage. Threshold ...",
      }),
    ),
    { kind: "system", code: "Interrupted" },
  ],
];

test.each(rows)("%s", (_, outcome, expected) => {
  expect(outcome).toMatchObject(expected);
});

test("a failure carries the task's last words", () => {
  expect(outcomeOf(failed(dead(3, "Error", "Segmentation fault")))).toMatchObject({
    message: expect.stringContaining("Segmentation fault"),
  });
});

describe("what a pod is doing", () => {
  const scheduled = (status: "True" | "False", time = at) => ({
    type: "PodScheduled",
    status,
    message: "no room",
    lastTransitionTime: time,
  });

  test.each<[string, PodState["kind"], PodStatus, Partial<Pod["spec"]>]>([
    ["nobody has looked at it yet", "created", {}, {}],
    ["there is no room", "waiting", { phase: "Pending", conditions: [scheduled("False")] }, {}],
    ["it has a node", "starting", { phase: "Pending" }, { nodeName: "n" }],
    [
      "its containers are made",
      "starting",
      { containerStatuses: [container("main", { waiting: { reason: "ContainerCreating" } })] },
      {},
    ],
    [
      "its container runs",
      "running",
      { phase: "Running", containerStatuses: [container("main", { running: { startedAt: at } })] },
      {},
    ],
    [
      "only a sidecar still runs",
      "ended",
      { phase: "Running", containerStatuses: [container("main", dead(0)), container("side", { running: {} })] },
      {},
    ],
    [
      "only the sidecar has ended",
      "running",
      { phase: "Running", containerStatuses: [container("main", { running: {} }), container("side", dead(1))] },
      {},
    ],
  ])("%s: %s", (_, kind, status, spec) => {
    expect(stateOf(pod(status, spec)).kind).toBe(kind);
  });

  test("the time to start counts from its node, and from the end of its init containers", () => {
    const conditions = [
      scheduled("True", "2030-01-01T00:10:00Z"),
      { type: "Initialized", status: "True" as const, lastTransitionTime: "2030-01-01T00:15:00Z" },
    ];
    expect(stateOf(pod({ conditions }))).toMatchObject({ kind: "starting", since: "2030-01-01T00:15:00Z" });
  });

  test("a graceful deletion counts from when it was asked for", () => {
    const one = pod({}, {}, { deletionTimestamp: "2030-01-01T00:01:30Z", deletionGracePeriodSeconds: 30 });
    expect(observePod(projectPod(one), "main").deletedAt).toBe("2030-01-01T00:01:00.000Z");
  });
});

describe("a container that does not start", () => {
  const grace = 180_000;
  test.each<[string, string, "user" | "system" | undefined, number]>([
    ["InvalidImageName", "", "user", 0],
    ["CreateContainerConfigError", "secret not found", "user", 0],
    ["ErrImagePull", "manifest unknown", undefined, grace - 1],
    ["ImagePullBackOff", "manifest unknown", "user", grace],
    ["ImagePullBackOff", 'Back-off pulling image "registry:5000/team/app:503"', "user", grace],
    ["ImagePullBackOff", "unexpected status code 503 Service Unavailable", "system", grace],
    ["ErrImagePull", "received unexpected HTTP status: 502 Bad Gateway", "system", grace],
    ["ErrImagePull", "toomanyrequests: You have reached your pull rate limit", "system", grace],
    ["ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout", "system", grace],
    ["ErrImagePull", 'image "timeout-service:1" not found', "user", grace],
    ["CreateContainerError", "no command", undefined, grace - 1],
    ["CreateContainerError", "no command", "user", grace],
  ])("%s (%s) is %s after %i ms", (reason, message, kind, waited) => {
    const problem = { of: { container: "main", image: "registry:5000/team/app:503" }, reason, message };
    expect(judgeStart(problem, waited >= grace, "p")?.kind).toBe(kind);
  });

  // The kubelet's own words, as version 1.34 has them.
  test.each<[string, string, string]>([
    [
      "InvalidImageName",
      'Failed to apply default image tag "Not/An:Image:": couldn\'t parse image name "Not/An:Image:": invalid reference format',
      "is no name of an image: write [registry/]name[:tag], in lower case",
    ],
    [
      "ErrImagePull",
      'rpc error: code = NotFound desc = failed to pull and unpack image "r/x:1": failed to resolve reference "r/x:1": r/x:1: not found',
      "can not be pulled: its registry has none of that name and tag; check both",
    ],
    [
      "ImagePullBackOff",
      'Back-off pulling image "x:1": ErrImagePull: pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials',
      "can not be pulled: its registry refuses it: check the name, and give the nodes or tasks.imagePullSecrets the right to pull it",
    ],
    [
      "ErrImagePull",
      'failed to do request: Head "https://r/v2/x/manifests/1": dial tcp 10.0.0.1:443: connect: connection refused',
      "can not be pulled: its registry is down, can not be reached or throttles; it is tried again",
    ],
    [
      "ImagePullBackOff",
      'Back-off pulling image "r/x:1"',
      "can not be pulled: check its name, and whether nodes reach its registry",
    ],
  ])("%s names the image and the way out: %s", (reason, message, said) => {
    const waiting = { waiting: { reason, message } };
    const status = { containerStatuses: [{ ...container("main", waiting), image: "r/x:1" }] };
    const state = stateOf(pod(status, { nodeName: "n" }));
    if (state.kind !== "starting" || state.problem === undefined) throw new Error(`it is ${state.kind}`);
    const outcome = judgeStart(state.problem, true, "p");
    expect(outcome).toMatchObject({ message: `image "r/x:1" of container main ${said}\n${reason}: ${message}` });
  });
});
