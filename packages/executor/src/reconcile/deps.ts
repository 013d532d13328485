import type { Client } from "@connectrpc/connect";
import type { TaskAction } from "@homeplane/idl";
import type { SecretMaterialiser } from "@homeplane/idl/homeplane/v1/secrets";
import type { Informer, KubeClient, Pod } from "@homeplane/kube";
import type { ObjectStore } from "@homeplane/object-store";
import type { Clock, Logger, Random } from "@homeplane/runtime-kit";
import type { ExecutorConfig } from "../config.ts";
import type { Catalog } from "../cache/catalog.ts";
import type { Outbox } from "../report/outbox.ts";
import type { TaskActionView } from "../resource.ts";
import type { Alarms } from "./alarms.ts";
import type { FreshView } from "./fresh-view.ts";
import type { PodRecord } from "./pod-record.ts";
import type { Retention } from "./retention.ts";

/** What a pass works with. */
export interface Deps {
  readonly client: KubeClient;
  readonly store: ObjectStore;
  readonly secrets: Client<typeof SecretMaterialiser>;
  readonly config: ExecutorConfig;
  readonly taskActions: Informer<TaskAction, TaskActionView>;
  /** Indexed by "owner": the TaskAction's uid. */
  readonly pods: Informer<Pod, PodRecord>;
  readonly fresh: FreshView;
  readonly outbox: Outbox;
  readonly alarms: Alarms;
  readonly catalog: Catalog;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** When to look again; `undefined` = when something changes. */
export type Next = { readonly requeueAfterMs?: number } | undefined;

export function nowIso(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
