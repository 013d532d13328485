/**
 * Actions that the control plane takes for going on and that are not in the cluster: their TaskAction was deleted while no executor looked on. Nobody
 * else would ever tell of their end. An action is told of only when the cluster's API did not have it after the control plane called it stored, and
 * the control plane called it open once more after that: what ends in the ordinary way is told before its TaskAction goes.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { namespaceOf, phaseToProto, type TaskAction, taskActionName } from "@homeplane/idl";
import {
  ActionEventSchema,
  ActionStatusSchema,
  ErrorInfo_Kind,
} from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { ActionIdentifierSchema } from "@homeplane/idl/flyteidl2/common/identifier";
import type { OpenAction, OrchestrationService } from "@homeplane/idl/homeplane/v1/orchestration";
import type { KubeClient } from "@homeplane/kube";
import {
  type Backoff,
  backoffMs,
  type Clock,
  type Logger,
  messageOf,
  pause,
  type Random,
  type Service,
} from "@homeplane/runtime-kit";
import { taskActionType } from "../resource.ts";
import type { ActionReport } from "./action-report.ts";
import type { Outbox } from "./outbox.ts";

/** As often as informers list anew. */
const everyMs = 10 * 60_000;
const confirmAfterMs = 30_000;
const callTimeoutMs = 30_000;
const retry: Backoff = { baseMs: 1_000, maxMs: 5 * 60_000, jitter: "full" };

export interface AbsentActionsOptions {
  readonly client: KubeClient;
  readonly orchestration: Client<typeof OrchestrationService>;
  readonly taskActions: { list(): readonly TaskAction[]; readonly synced: Promise<void> };
  readonly outbox: Pick<Outbox, "isPending" | "submitLast">;
  readonly cluster: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export function absentActions(options: AbsentActionsOptions): Service {
  return { name: "executor.absent-actions", run: (signal) => lookAgainAndAgain(options, signal) };
}

async function lookAgainAndAgain(options: AbsentActionsOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, log, taskActions } = options;
  await Promise.race([taskActions.synced, new Promise((resolve) => signal.addEventListener("abort", resolve))]);
  for (let failures = 0; !signal.aborted; ) {
    let delay = everyMs * (0.9 + 0.2 * random());
    try {
      await look(options, signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      // Another control plane than ours does not say what it takes for going on.
      const knows = !(error instanceof ConnectError && error.code === Code.Unimplemented);
      if (knows) delay = backoffMs(retry, failures++, random);
      log.debug({ event: "executor.absence_not_checked", error: messageOf(error), delay });
    }
    await pause(clock, delay, signal);
  }
}

async function look(options: AbsentActionsOptions, signal: AbortSignal): Promise<void> {
  const { clock, cluster, outbox, log } = options;
  const suspects = new Set<string>();
  for (const action of await absentIn(options, signal))
    if (!(await isLive(options, action, signal))) suspects.add(keyOf(action));
  if (suspects.size === 0) return;
  await pause(clock, confirmAfterMs, signal);
  if (signal.aborted) return;
  for (const action of await absentIn(options, signal)) {
    const { actionId } = action;
    if (actionId === undefined || !suspects.has(keyOf(action)) || outbox.isPending(actionId)) continue;
    const report = absentReport(action, cluster, clock.now());
    log.warn({ event: "executor.action_absent", action: report.key, run: actionId.run?.name });
    outbox.submitLast(report);
  }
}

/** Those open at the control plane that the informer does not have. */
async function absentIn(
  { orchestration, taskActions, cluster }: AbsentActionsOptions,
  signal: AbortSignal,
): Promise<OpenAction[]> {
  const open: OpenAction[] = [];
  for (let token = ""; ; ) {
    const page = await orchestration.listOpenActions({ cluster, token }, { signal, timeoutMs: callTimeoutMs });
    open.push(...page.actions);
    if (page.token === "") break;
    token = page.token;
  }
  const there = new Set(taskActions.list().map(({ spec }) => pathOf(spec)));
  return open.filter((action) => !there.has(keyOf(action)));
}

/** A list, because the right to it does not go with the namespace. */
async function isLive(
  { client }: AbsentActionsOptions,
  { actionId }: OpenAction,
  signal: AbortSignal,
): Promise<boolean> {
  const { namespace, name } = resourceOf(actionId);
  const fieldSelector = `metadata.name=${name}`;
  const { items } = await client.list(taskActionType, { namespace, fieldSelector, signal });
  return items.some(({ spec }) => pathOf(spec) === keyOf({ actionId }));
}

function absentReport({ actionId, attempt }: OpenAction, cluster: string, now: number): ActionReport {
  const { namespace, name } = resourceOf(actionId);
  const key = `${namespace}/${name}`;
  const message = `its TaskAction ${key} was deleted by somebody else before its end`;
  const phase = phaseToProto("ABORTED");
  const at = timestampFromMs(now);
  const errorInfo = { code: "ResourceDeletedExternally", kind: ErrorInfo_Kind.SYSTEM, message };
  const times = { startTime: at, updatedTime: at, endTime: at };
  const id = create(ActionIdentifierSchema, actionId);
  const event = create(ActionEventSchema, { id, attempt, phase, cluster, ...times, errorInfo });
  const status = { phase, attempts: attempt, endTime: at };
  return {
    ...{ key, uid: `absent ${key}`, id, events: [event] },
    // The control plane has its spec.
    isRoot: true,
    end: { status: create(ActionStatusSchema, status), abortReason: message },
  };
}

function resourceOf(id: OpenAction["actionId"]): { namespace: string; name: string } {
  const { project = "", domain = "", name: run = "" } = id?.run ?? {};
  return { namespace: namespaceOf(project, domain), name: taskActionName(run, id?.name ?? "") };
}

function keyOf({ actionId }: Pick<OpenAction, "actionId">): string {
  const { project = "", domain = "", name = "" } = actionId?.run ?? {};
  return pathOf({ project, domain, runName: name, actionName: actionId?.name ?? "" });
}

function pathOf(spec: Pick<TaskAction["spec"], "project" | "domain" | "runName" | "actionName">): string {
  return `${spec.project}/${spec.domain}/${spec.runName}/${spec.actionName}`;
}
