/** An action that has succeeded in the run which this one recovers: it ends at once, with what it had there. */
import { fromBinary } from "@bufbuild/protobuf";
import type { AttemptRecord, TaskAction } from "@homeplane/idl";
import { type RecoveredAction, RecoveredActionSchema } from "@homeplane/idl/homeplane/v1/recovery";
import { seenPhases } from "../report/phases.ts";
import { type Deps, type Next, nowIso } from "./deps.ts";
import { ended } from "./status.ts";
import { writeStatus } from "./write.ts";

export async function recover(deps: Deps, taskAction: TaskAction, signal: AbortSignal): Promise<Next> {
  const at = nowIso(deps.clock);
  await writeStatus(
    deps,
    taskAction,
    ended(
      taskAction,
      { attempt: 1, startedAt: at, endedAt: at, ...outcomeOf(taskAction) },
      seenPhases(taskAction, undefined),
    ),
    signal,
  );
  return undefined;
}

function outcomeOf({ spec }: TaskAction): Pick<AttemptRecord, "phase" | "error" | "outputUri"> {
  const recovered = decode(spec.recovered ?? "");
  if (recovered === undefined) {
    const message = "spec.recovered: is no protobuf homeplane.v1.RecoveredAction";
    return { phase: "FAILED", error: { code: "InvalidSpec", kind: "USER", message } };
  }
  const { outcome } = recovered;
  return { phase: "RECOVERED", ...(outcome.case === "taskOutputUri" ? { outputUri: outcome.value } : {}) };
}

function decode(base64: string): RecoveredAction | undefined {
  try {
    return fromBinary(RecoveredActionSchema, Buffer.from(base64, "base64"));
  } catch {
    return undefined;
  }
}
