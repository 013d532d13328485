/**
 * The controller on TaskActions: two informers feed one work queue of keys; each key is reconciled by one worker at a time; reports leave by the
 * outbox. Everything that it must remember is in the TaskActions.
 */
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import type { TaskAction } from "@homeplane/idl";
import { CacheService } from "@homeplane/idl/flyteidl2/cacheservice/v2/cacheservice";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import { InternalRunService } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import { OrchestrationService } from "@homeplane/idl/homeplane/v1/orchestration";
import { SecretMaterialiser } from "@homeplane/idl/homeplane/v1/secrets";
import { Informer, type KubeClient, pods, WorkQueue } from "@homeplane/kube";
import type { ObjectStore } from "@homeplane/object-store";
import { type Clock, type Logger, messageOf, type Random, runServices, type Service } from "@homeplane/runtime-kit";
import { Catalog } from "./cache/catalog.ts";
import type { ExecutorConfig } from "./config.ts";
import { Alarms } from "./reconcile/alarms.ts";
import { currentPodView } from "./reconcile/current-pod.ts";
import { type Deps, nowIso } from "./reconcile/deps.ts";
import { FreshView } from "./reconcile/fresh-view.ts";
import { ownerOf, projectPod } from "./reconcile/pod-record.ts";
import { reconcile } from "./reconcile/reconciler.ts";
import { Retention } from "./reconcile/retention.ts";
import { vanishedReport } from "./reconcile/vanished.ts";
import { absentActions } from "./report/absent-actions.ts";
import { Outbox } from "./report/outbox.ts";
import { recordRequest } from "./report/record-request.ts";
import { keyOfTaskAction, projectTaskAction, taskActionType } from "./resource.ts";

export interface ExecutorOptions {
  readonly client: KubeClient;
  readonly store: ObjectStore;
  /** The orchestration channel. */
  readonly orchestration: Transport;
  /** To secret-service, inside the data plane. */
  readonly secrets: Transport;
  readonly config: ExecutorConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface Executor extends Service {
  /** What keeps it from working. */
  problem(): string | undefined;
}

export function createExecutor(options: ExecutorOptions): Executor {
  const { client, clock, random, log } = options;
  const queue = new WorkQueue({ clock, random, log });
  const common = { client, clock, random, log };
  const taskActions = new Informer({
    ...common,
    type: taskActionType,
    project: projectTaskAction,
    indexes: { parent: (object: TaskAction) => (object.metadata.ownerReferences ?? []).map(({ uid }) => uid) },
  });
  const podInformer = new Informer({
    ...common,
    type: pods,
    labelSelector: "flyte.org/managed=true",
    project: projectPod,
    indexes: { owner: (pod) => [ownerOf(pod)?.uid ?? ""] },
  });
  const runs: Client<typeof InternalRunService> = createClient(InternalRunService, options.orchestration);
  const outbox = new Outbox({
    ...common,
    events: createClient(EventsProxyService, options.orchestration),
    runs,
    loadSpec: (report, signal) => recordRequest(client, report, signal),
    onAcknowledged: (key) => queue.add(key),
  });
  const orchestration = createClient(OrchestrationService, options.orchestration);
  const absent = absentActions({ ...common, orchestration, taskActions, outbox, cluster: options.config.cluster });
  const fresh = new FreshView();
  const secrets = createClient(SecretMaterialiser, options.secrets);
  const wake = (key: string): void => {
    // Full only when keys are not processed at all: then the informer's next list finds the action.
    try {
      queue.add(key);
    } catch (error) {
      log.error({ event: "executor.not_queued", key, error: messageOf(error) });
    }
  };
  const alarms = new Alarms(clock, wake);
  const retention = new Retention(options.config.retainedRuns, wake);
  const catalog = new Catalog({ ...common, client: createClient(CacheService, options.orchestration), wake });
  const deps: Deps = { ...options, secrets, taskActions, pods: podInformer, fresh, outbox, alarms, retention, catalog };

  taskActions.onChange(({ type, object }) => {
    const { uid = "" } = object.metadata;
    if (type === "deleted") {
      const last = fresh.latest(object);
      const lost = vanishedReport(last, currentPodView(deps, last), options.config, nowIso(clock));
      if (lost === undefined) outbox.forget(uid);
      else outbox.submitLast(lost);
      fresh.forget(uid);
      alarms.forget(uid);
      retention.forget(uid);
    } else queue.add(keyOfTaskAction(object));
    // A child that came while its parent ended is stopped by the parent's next pass.
    const owner = object.metadata.ownerReferences?.[0];
    if (type === "added" && owner !== undefined) queue.add(`${object.metadata.namespace}/${owner.name}`);
    // The end of a parent or of a child may be what the other one waits for.
    for (const child of taskActions.byIndex("parent", uid)) queue.add(keyOfTaskAction(child));
  });
  podInformer.onChange(({ type, object }) => {
    const owner = ownerOf(object);
    if (owner === undefined) return;
    // Only while its action is there: nobody would ever forget it again.
    if (type === "deleted" && taskActions.get(owner.key)?.metadata.uid === owner.uid) fresh.noteLost(owner.uid, object);
    queue.add(owner.key);
  });

  return {
    name: "executor",
    problem: () =>
      taskActions.hasSynced && podInformer.hasSynced ? undefined : "TaskActions and pods are not all listed yet",
    run: (signal) => {
      const informers: Service[] = [
        { name: "executor.taskactions", run: (stop) => taskActions.run(stop) },
        { name: "executor.pods", run: (stop) => podInformer.run(stop) },
      ];
      const workers: Service = {
        name: "executor.workers",
        run: async (stop) => {
          // A pass before both views are whole would take what is not listed yet for absent.
          await Promise.race([Promise.all([taskActions.synced, podInformer.synced]), aborted(stop)]);
          if (stop.aborted) return;
          await queue.run({
            workers: options.config.workers,
            process: async (key, s) => (await reconcile(deps, key, s)) ?? {},
            signal: stop,
          });
        },
      };
      return runServices([...informers, workers, outbox, absent], signal).finally(() => alarms.clear());
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
