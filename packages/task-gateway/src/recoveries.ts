/** What a run need not do again because the run that it recovers has done it; the control plane has written it beside the run's data. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { recoveryFile, type TaskAction } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { RelationType } from "@homeplane/idl/flyteidl2/common/run";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import { type ActionUpdate, ActionUpdateSchema } from "@homeplane/idl/flyteidl2/workflow/state_service";
import type { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import {
  type RecoveredAction,
  RecoveredActionSchema,
  type RecoverySource,
  RecoverySourceSchema,
} from "@homeplane/idl/homeplane/v1/recovery";
import type { Logger } from "@homeplane/runtime-kit";

/** Runs whose sources are kept in memory. */
const maxCached = 16;

type Kind = RecoveredAction["outcome"]["case"];

export class Recoveries {
  readonly #objects: Client<typeof ObjectStoreService>;
  readonly #log: Logger;
  readonly #cache = new Map<string, Promise<RecoverySource | undefined>>();

  constructor({ objects, log }: { objects: Client<typeof ObjectStoreService>; log: Logger }) {
    this.#objects = objects;
    this.#log = log;
  }

  /** `spec.recovered` of a child that has succeeded in the other run. */
  async of(parent: TaskAction, child: TaskAction): Promise<string | undefined> {
    const source = await this.#source(parent);
    const found = source?.actions[child.spec.actionName];
    const kind: Kind = child.spec.actionType === "condition" ? "signal" : "taskOutputUri";
    if (found?.outcome.case !== kind) return undefined;
    return Buffer.from(toBinary(RecoveredActionSchema, found)).toString("base64");
  }

  /** The parent's traces in the other run. The SDK does not enqueue what a watch has told it of: they are told before the sentinel. */
  async traces(parent: TaskAction): Promise<ActionUpdate[]> {
    const source = await this.#source(parent);
    const { org = "", project, domain, runName, actionName } = parent.spec;
    const run = { org, project, domain, name: runName };
    return Object.entries(source?.actions ?? {}).flatMap(([name, { parentActionName, outcome }]) =>
      outcome.case === "traceOutputUri" && parentActionName === actionName
        ? [
            create(ActionUpdateSchema, {
              actionId: { run, name },
              phase: ActionPhase.RECOVERED,
              outputUri: outcome.value,
            }),
          ]
        : [],
    );
  }

  #source({ spec }: TaskAction): Promise<RecoverySource | undefined> {
    if (!recovers(spec.runSpec)) return Promise.resolve(undefined);
    const url = `${spec.runOutputBase ?? ""}/${recoveryFile}`;
    const known = this.#cache.get(url);
    if (known !== undefined) return known;
    const loading = this.#load(url);
    this.#cache.set(url, loading);
    // What could not be read now is read again.
    loading.catch(() => this.#cache.delete(url));
    const [oldest = ""] = this.#cache.keys();
    if (this.#cache.size > maxCached) this.#cache.delete(oldest);
    return loading;
  }

  async #load(nativeUrl: string): Promise<RecoverySource | undefined> {
    try {
      const { content } = await this.#objects.getObject({ nativeUrl }, { timeoutMs: 60_000 });
      return fromBinary(RecoverySourceSchema, content);
    } catch (error) {
      if (!(error instanceof ConnectError) || error.code !== Code.NotFound) throw error;
      // Somebody deleted it: everything runs again, which is right, only slower.
      this.#log.warn({ event: "recovery.gone", nativeUrl });
      return undefined;
    }
  }
}

function recovers(runSpec: string | undefined): boolean {
  if (!runSpec) return false;
  const { relation } = fromBinary(RunSpecSchema, Buffer.from(runSpec, "base64"));
  return relation?.relationType === RelationType.RECOVER;
}
