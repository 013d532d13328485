import { toBinary } from "@bufbuild/protobuf";
import { ActionEventSchema } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { TaskAction, TaskActionStatus } from "@homeplane/idl";
import { expect, test } from "vitest";
import type { PodView } from "../pod/observe.ts";
import { conditionsFor } from "../reconcile/status.ts";
import { sampleTaskAction } from "../testing/samples.ts";
import { type ActionReport, buildReport } from "./action-report.ts";
import { SentState } from "./sent-state.ts";

const time = (second: number): string => new Date(Date.UTC(2030, 0, 1, 0, 0, second)).toISOString();
const view = (state: PodView["state"], name = "p1"): PodView => ({
  name,
  namespace: "n",
  uid: "u",
  createdAt: time(1),
  primary: "main",
  state,
});
const running = view({ kind: "running", startedAt: time(2) });

function report(status: TaskActionStatus, pod?: PodView, more: Partial<TaskAction> = {}): ActionReport {
  return buildReport(sampleTaskAction({ status, ...more }), pod, "c", "acme", "why");
}

const shape = ({ events }: ActionReport): string[] => events.map(({ attempt, phase }) => `${attempt}/${phase}`);
const bytes = ({ events }: ActionReport): string[] =>
  events.map((event) => Buffer.from(toBinary(ActionEventSchema, event)).toString("hex"));
const failed = {
  attempt: 1,
  phase: "FAILED" as const,
  startedAt: time(2),
  endedAt: time(5),
  podName: "p1",
  outputUri: "s3://m/r1/a0/1",
  error: { code: "E", kind: "USER" as const, message: "m" },
};
const history = [
  { phase: "QUEUED" as const, occurredAt: time(0), attempt: 1 },
  { phase: "INITIALIZING" as const, occurredAt: time(1), attempt: 1 },
  { phase: "RUNNING" as const, occurredAt: time(2), attempt: 1 },
];

test("phases that only the pod shows are told with the pod's own times, in order", () => {
  expect(shape(report({}))).toEqual(["1/1"]);
  expect(shape(report({}, view({ kind: "created" })))).toEqual(["1/1"]);
  expect(shape(report({}, view({ kind: "waiting", message: "no room" })))).toEqual(["1/1", "1/2"]);
  expect(shape(report({}, view({ kind: "starting", since: time(1) })))).toEqual(["1/1", "1/3"]);
  expect(shape(report({}, running))).toEqual(["1/1", "1/3", "1/4"]);
});

test("the same report comes out whether phases were read off the pod or from the status", () => {
  expect(bytes(report({ phaseHistory: history }, running))).toEqual(bytes(report({}, running)));
});

test("an ended attempt says the same for ever, whatever becomes of the next one", () => {
  const status = { attempts: 2, systemFailures: 0, phaseHistory: history, attemptHistory: [failed] };
  const before = bytes(report(status));
  const later = bytes(report({ ...status, systemFailures: 2 }, view({ kind: "running", startedAt: time(9) }, "p2")));
  expect(before).toHaveLength(5);
  expect(later.slice(0, 4)).toEqual(before.slice(0, 4));
});

test("only an aborted action carries a reason for its abort", () => {
  const ended = { ...failed, error: undefined, phase: "SUCCEEDED" as const };
  const end = (phase: "SUCCEEDED" | "ABORTED") =>
    report({
      conditions: conditionsFor(phase, phase === "ABORTED" ? "Aborted" : "Completed", "", time(5)),
      attemptHistory: [{ ...ended, phase }],
    }).end;
  expect(end("SUCCEEDED")?.abortReason).toBe("");
  expect(end("ABORTED")?.abortReason).toBe("why");
});

test("a lost pod is told of at once, with what happened to it, and as long as nothing new runs its log is the attempt's", () => {
  const relaunch = { attempt: 1, at: time(4), podName: "p1", code: "Interrupted", message: "evicted" };
  const status = { systemFailures: 1, phaseHistory: history, relaunches: [relaunch] };
  const last = report(status, view({ kind: "created" }, "p2")).events.at(-1);
  expect(last?.logContext?.primaryPodName).toBe("p1");
  expect(last?.clusterEvents).toMatchObject([
    { reason: "Interrupted", message: "pod p1: evicted; the attempt goes on in a new pod" },
  ]);
  const again = report(status, view({ kind: "running", startedAt: time(9) }, "p2")).events.at(-1);
  expect(again?.logContext?.primaryPodName).toBe("p2");
  expect(again?.clusterEvents).toEqual(last?.clusterEvents);
});

test("what is sent never goes back: a new pod of the same attempt waits in silence", () => {
  const sent = new SentState();
  const first = report({}, running);
  sent.markSent(sent.unsent(first));
  const relaunched = report(
    { systemFailures: 1, phaseHistory: history },
    view({ kind: "waiting", message: "no room" }, "p2"),
  );
  expect(sent.unsent(relaunched)).toEqual([]);
  const again = sent.unsent(
    report({ systemFailures: 1, phaseHistory: history }, view({ kind: "running", startedAt: time(8) }, "p2")),
  );
  expect(again.map(({ attempt, phase, version }) => [attempt, phase, version])).toEqual([[1, 4, 1]]);
});

test("content that changes raises the version, content that does not is not sent again", () => {
  const sent = new SentState();
  const versions = ["a", "b", "b", "c"].map((message) => {
    const events = sent.unsent(report({}, view({ kind: "waiting", message })));
    sent.markSent(events);
    return events.filter(({ phase }) => phase === 2).map(({ version }) => version);
  });
  expect(versions).toEqual([[0], [1], [], [2]]);
});
