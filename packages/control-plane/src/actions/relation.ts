/** A run that comes from another one: a rerun, a recovery, or one that a task has started. Where it comes from is kept with its root action. */
import { create } from "@bufbuild/protobuf";
import { type Relation, RelationSchema, RelationType } from "@homeplane/idl/flyteidl2/common/run";
import type { RunSpec } from "@homeplane/idl/flyteidl2/task/run";
import type { Context } from "../context.ts";
import { invalid, runIdentifier, runKey } from "../services/identifiers.ts";

/** With the organisation that is ours, whatever the client takes for it. */
export function relationOf(ctx: Context, { relation }: RunSpec): Relation | undefined {
  if (relation === undefined || relation.relationType === RelationType.UNSPECIFIED) return undefined;
  const key = runKey(relation.relatedTo, "run_spec.relation.related_to");
  return create(RelationSchema, { relatedTo: runIdentifier(ctx.config.org, key), relationType: relation.relationType });
}

/**
 * The spec of a rerun is its source's. When that one started is not: only a run that recovers it goes on with its time, as actions that are done
 * already have worked with it.
 */
export function forgetsStart({ relation }: RunSpec): boolean {
  return relation?.relationType === RelationType.RERUN;
}

/** Only RECOVER changes what runs. */
export function checkRecover({ recover, relation }: RunSpec): void {
  if (recover !== undefined && relation?.relationType !== RelationType.RECOVER)
    throw invalid("run_spec.recover", "needs run_spec.relation of type RECOVER: which run is to be recovered?");
}
