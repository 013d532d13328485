import type { RunSpec } from "@homeplane/idl/flyteidl2/task/run";
import type { TaskSpec } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { ActionDetails, RunSource } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import type { Settings } from "@homeplane/idl/flyteidl2/settings/settings_definition";
import type { Order } from "@homeplane/idl/homeplane/v1/orchestration";
import type { Firing, TriggerEdit, TriggerStore } from "./trigger-port.ts";

/** The store behind the control plane. Asynchronous, so that SQLite today and PostgreSQL tomorrow look the same. */
export interface Store {
  readonly projects: ProjectStore;
  readonly tasks: TaskStore;
  readonly runs: RunStore;
  readonly actions: ActionStore;
  readonly orders: OrderStore;
  readonly triggers: TriggerStore;
  readonly cache: CacheStore;
  readonly settings: SettingsStore;
  close(): Promise<void>;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly archived: boolean;
}

export interface ProjectQuery {
  readonly archived?: boolean;
  readonly id?: string;
  readonly name?: string;
  readonly sort: "created_at" | "id" | "name";
  readonly ascending: boolean;
  readonly limit: number;
  readonly offset: number;
}

export interface ProjectStore {
  /** False when the project exists already. */
  create(project: Project): Promise<boolean>;
  update(project: Project): Promise<boolean>;
  get(id: string): Promise<Project | undefined>;
  /** One more than the limit when there are more. */
  list(query: ProjectQuery): Promise<readonly Project[]>;
}

export interface TaskKey {
  readonly project: string;
  readonly domain: string;
  readonly name: string;
  readonly version: string;
}

export interface TaskRow extends TaskKey {
  readonly createdAt: number;
  readonly spec: TaskSpec;
}

export interface TaskQuery {
  readonly project?: string;
  readonly domain?: string;
  readonly name?: string;
  readonly nameContains?: string;
  readonly version?: string;
  readonly entrypoint?: boolean;
  /** Of each task its newest version only. */
  readonly latestOnly: boolean;
  /** By time of deployment. */
  readonly ascending: boolean;
  readonly limit: number;
  /** Continue behind this position. */
  readonly after?: Position;
}

export interface TaskStore {
  /** With its triggers, all or nothing. False when that version exists already: then its triggers stay as they are. */
  create(row: TaskRow, triggers: readonly TriggerEdit[]): Promise<boolean>;
  get(key: TaskKey): Promise<TaskRow | undefined>;
  list(query: TaskQuery): Promise<{ readonly rows: readonly TaskRow[]; readonly next?: Position }>;
}

export interface RunKey {
  readonly project: string;
  readonly domain: string;
  readonly run: string;
}

export interface ActionKey extends RunKey {
  readonly action: string;
}

export interface RunRow extends RunKey {
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly source: RunSource;
  readonly spec: RunSpec;
  /** The trigger that made it (of the root's task); empty for others. */
  readonly triggerName: string;
}

/** One action: `details` without its task spec, which is large, never changes and is kept beside it. */
export interface ActionRow extends ActionKey {
  readonly createdAt: number;
  readonly details: ActionDetails;
  readonly taskSpec?: TaskSpec;
  readonly inputUri: string;
  readonly runOutputBase: string;
}

export interface RunStore {
  /**
   * Stores the run, its root action and the order to start it, all or nothing. `requestId` is the idempotency key: when a run
   * was created under it, that run is returned and nothing is stored. "exists" = the name is taken by another request. The run of a
   * trigger and the firing that made it are stored together; "stale" = the trigger was changed in between, or has fired.
   */
  create(
    run: RunRow,
    root: ActionRow,
    order: Order,
    requestId: string,
    firing?: Firing,
  ): Promise<RunKey | "exists" | "stale">;
  get(key: RunKey): Promise<RunRow | undefined>;
  byRequestId(requestId: string): Promise<RunKey | undefined>;
}

/** A condition on a column; compiled to SQL by the driver. */
export interface Filter {
  readonly field:
    | "phase"
    | "parent"
    | "action_type"
    | "task_name"
    | "task_version"
    | "trigger_name"
    | "created_at"
    | "updated_at"
    | "created_by"
    | "run_name"
    | "name"
    | "label";
  readonly label?: string;
  readonly op: "in" | "not in" | "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "contains" | "exists" | "not exists";
  readonly values: readonly (string | number)[];
}

export interface ActionQuery {
  readonly project?: string;
  readonly domain?: string;
  readonly run?: string;
  readonly rootsOnly: boolean;
  /** Only runs in which an action waits for somebody. */
  readonly paused?: boolean;
  readonly filters: readonly Filter[];
  readonly ascending: boolean;
  readonly limit: number;
  /** Continue behind this position. */
  readonly after?: Position;
}

/** A place in the order of creation. */
export interface Position {
  readonly createdAt: number;
  readonly rowid: number;
}

export interface ActionPage {
  readonly rows: readonly (ActionRow & { readonly labels: Readonly<Record<string, string>> })[];
  readonly next?: Position;
}

export interface ChangesQuery extends RunKey {
  /** They mark rows, they do not leave any out. */
  readonly filters: readonly Filter[];
  /** Changes behind this revision; 0 = everything. */
  readonly after: number;
  readonly limit: number;
}

/** One action that changed; an action that changed twice shows once, as it is. */
export interface ActionChange {
  readonly row: ActionRow;
  readonly revision: number;
  readonly meetsFilter: boolean;
}

export interface ActionStore {
  /** False when the action exists already. */
  create(row: ActionRow): Promise<boolean>;
  get(key: ActionKey, options: { withTaskSpec: boolean }): Promise<ActionRow | undefined>;
  /**
   * Applies `change` to the stored details in one transaction; `undefined` from it = leave as is. Says whether it changed. What `change` throws
   * leaves everything as it was. `order` is appended in the same transaction, if anything changed.
   */
  update(
    key: ActionKey,
    change: (details: ActionDetails) => ActionDetails | undefined,
    order?: Order,
  ): Promise<boolean>;
  list(query: ActionQuery): Promise<ActionPage>;
  changes(query: ChangesQuery): Promise<readonly ActionChange[]>;
  /** Root actions that changed behind a sequence number, in the order of their changes; one that changed twice shows once, as it is. */
  runChanges(query: RunChangesQuery): Promise<readonly RunChange[]>;
}

export interface RunChangesQuery {
  readonly project?: string;
  readonly domain?: string;
  readonly filters: readonly Filter[];
  /** 0 = everything. */
  readonly after: number;
  readonly limit: number;
}

export interface RunChange {
  readonly row: ActionRow;
  readonly labels: Readonly<Record<string, string>>;
  readonly sequence: number;
}

/** Empty project and domain: the organisation; empty project: the domain. */
export interface SettingsKey {
  readonly domain: string;
  readonly project: string;
}

export interface SettingsRow extends SettingsKey {
  readonly version: number;
  readonly settings: Settings;
}

export interface SettingsStore {
  get(key: SettingsKey): Promise<SettingsRow | undefined>;
  /** `version`: the one that is there; 0 = none. Undefined when it is another one, and nothing is stored. */
  put(key: SettingsKey, settings: Settings, version: number): Promise<SettingsRow | undefined>;
}

export interface OrderStore {
  append(order: Order): Promise<void>;
  /** Not acknowledged, oldest first, behind `after`. */
  pending(after: bigint, limit: number): Promise<readonly Order[]>;
  /** Undefined also when it was acknowledged. */
  get(sequence: bigint): Promise<Order | undefined>;
  acknowledge(sequences: readonly bigint[]): Promise<void>;
}

/** A cached result's place: nothing is ever found across projects or domains. */
export interface CacheKey {
  readonly project: string;
  readonly domain: string;
  readonly key: string;
}

export interface CacheEntry {
  readonly outputUri: string;
  /** `flyteidl2.cacheservice.Metadata`, as it came. */
  readonly metadata: Uint8Array;
  readonly createdAt: number;
  /** Of the output: an overwritten entry is as young as its last output. */
  readonly updatedAt: number;
}

/** The right to run a task whose result others wait for. */
export interface Reservation {
  readonly owner: string;
  readonly heartbeatMs: number;
  readonly expiresAt: number;
}

export interface CacheStore {
  get(key: CacheKey): Promise<CacheEntry | undefined>;
  /** False when there is an entry already and it is not to be overwritten. */
  put(
    key: CacheKey,
    entry: { readonly outputUri: string; readonly metadata: Uint8Array; readonly at: number },
    overwrite: boolean,
  ): Promise<boolean>;
  delete(key: CacheKey): Promise<void>;
  /** Takes or extends the reservation, or tells whose it is. One that has expired by `now` is nobody's. */
  reserve(key: CacheKey, wanted: Reservation, now: number): Promise<Reservation>;
  release(key: CacheKey, owner: string): Promise<void>;
}
