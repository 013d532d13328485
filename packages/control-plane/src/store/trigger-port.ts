import type { TriggerAutomationSpec } from "@homeplane/idl/flyteidl2/task/common";
import type { TriggerRevisionAction, TriggerSpec } from "@homeplane/idl/flyteidl2/trigger/trigger_definition";

export interface TriggerKey {
  readonly project: string;
  readonly domain: string;
  readonly taskName: string;
  readonly name: string;
}

/** Times are milliseconds since the epoch. */
export interface TriggerRow extends TriggerKey {
  /** From 1; grows with each deployment, activation, deactivation and deletion. */
  readonly revision: number;
  readonly active: boolean;
  readonly spec: TriggerSpec;
  readonly automation: TriggerAutomationSpec;
  readonly deployedAt: number;
  readonly updatedAt: number;
  readonly triggeredAt?: number;
  readonly deletedAt?: number;
  /** The oldest fire time that has not been dealt with; there is one as long as a schedule is active. */
  readonly nextFireAt?: number;
}

export interface TriggerRevisionRow extends TriggerRow {
  readonly action: TriggerRevisionAction;
}

/** What a change makes of a trigger; the store numbers the revision. */
export type EditedTrigger = Omit<TriggerRevisionRow, keyof TriggerKey | "revision">;

/** Called in the transaction, also for what was deleted. Undefined = leave it as it is; what it throws undoes everything. */
export interface TriggerEdit {
  readonly key: TriggerKey;
  readonly edit: (current: TriggerRow | undefined) => EditedTrigger | undefined;
}

/** One firing. It takes place only when the trigger still is as the scheduler saw it. */
export interface Firing {
  readonly key: TriggerKey;
  readonly revision: number;
  /** As it was seen; undefined for a run on demand, which moves no schedule. */
  readonly expected?: number;
  readonly next?: number;
  readonly triggeredAt?: number;
}

export interface TriggerQuery {
  readonly project?: string;
  readonly domain?: string;
  readonly taskName?: string;
  readonly taskVersion?: string;
  readonly name?: string;
  readonly active?: boolean;
  readonly limit: number;
  /** Continue behind this one; 0 = from the start. */
  readonly after: number;
}

export interface TriggerStore {
  /** All or nothing. Says what is there now. */
  edit(edits: readonly TriggerEdit[]): Promise<readonly (TriggerRow | undefined)[]>;
  /** Undefined also when it was deleted. */
  get(key: TriggerKey): Promise<TriggerRow | undefined>;
  getRevision(key: TriggerKey, revision: number): Promise<TriggerRevisionRow | undefined>;
  /** In the order of their first deployment. */
  list(query: TriggerQuery): Promise<{ readonly rows: readonly TriggerRow[]; readonly next?: number }>;
  /** Newest first, below `before`. */
  revisions(key: TriggerKey, page: { before: number; limit: number }): Promise<readonly TriggerRevisionRow[]>;
  /** Those whose next fire time has come, oldest first. */
  due(now: number, limit: number): Promise<readonly TriggerRow[]>;
  /** The earliest fire time of all behind `after`. */
  nextFireAt(after: number): Promise<number | undefined>;
  /** Moves the schedule on without a run. False when the trigger has changed in between. */
  advance(firing: Firing): Promise<boolean>;
}
