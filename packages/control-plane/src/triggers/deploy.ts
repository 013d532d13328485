/** What a deployment makes of a trigger: checked before anything is stored, so that one that can not fire is refused now and not at its time. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { inputsFile } from "@homeplane/idl";
import { OffloadedInputDataSchema } from "@homeplane/idl/flyteidl2/common/run";
import {
  InputsSchema,
  type TriggerAutomationSpec,
  TriggerAutomationSpecSchema,
} from "@homeplane/idl/flyteidl2/task/common";
import type { TaskSpec } from "@homeplane/idl/flyteidl2/task/task_definition";
import {
  TriggerRevisionAction,
  type TriggerSpec,
  TriggerSpecSchema,
} from "@homeplane/idl/flyteidl2/trigger/trigger_definition";
import { putInputs } from "../actions/run-inputs.ts";
import { newRunName } from "../actions/run-name.ts";
import { inputsHash } from "../cache/cache-key.ts";
import type { Context } from "../context.ts";
import { invalid, isBelow, scopePrefix } from "../services/identifiers.ts";
import type { EditedTrigger, TriggerEdit, TriggerKey, TriggerRow } from "../store/trigger-port.ts";
import { parseAutomation } from "./schedule.ts";

/** Run specification and schedule; inputs lie in the object store. */
const maxSpecBytes = 1 << 20;

export interface TriggerToDeploy {
  readonly key: TriggerKey;
  readonly spec: TriggerSpec;
  readonly automation: TriggerAutomationSpec | undefined;
  /** The task that it runs. */
  readonly task: TaskSpec;
  /** In messages: "triggers[0]". */
  readonly field: string;
  /** Refuse when the trigger has another one; 0 = whatever it has. */
  readonly expectedRevision?: number;
}

export async function deployEdit(ctx: Context, trigger: TriggerToDeploy): Promise<TriggerEdit> {
  const { key, field, task } = trigger;
  const automation = trigger.automation ?? create(TriggerAutomationSpecSchema);
  const schedule = parseAutomation(automation, `${field}.automation_spec`);
  checkKickoff(automation, task, field);
  const spec = await withStoredInputs(ctx, trigger);
  const size = toBinary(TriggerSpecSchema, spec).length;
  if (size > maxSpecBytes) throw invalid(`${field}.spec`, `is ${size} bytes, the limit is ${maxSpecBytes}`);
  const now = ctx.clock.now();
  const next = schedule?.next(now, now);
  const edit = (current: TriggerRow | undefined): EditedTrigger => {
    const there = current?.deletedAt === undefined ? current : undefined;
    const { expectedRevision } = trigger;
    if (expectedRevision && expectedRevision !== there?.revision) {
      throw new ConnectError(
        `revision: trigger ${key.name} is at ${there?.revision ?? "none"}, not ${expectedRevision}: read it again`,
        Code.FailedPrecondition,
      );
    }
    // A schedule that goes on unchanged keeps its beat: whoever deploys more often than it fires must not keep it from firing.
    const goesOn = there?.active === true && same(there.automation, automation);
    const nextFireAt = !spec.active ? undefined : goesOn ? there.nextFireAt : next;
    return {
      action: TriggerRevisionAction.DEPLOY,
      active: spec.active,
      spec,
      automation,
      deployedAt: now,
      updatedAt: now,
      ...(there?.triggeredAt === undefined ? {} : { triggeredAt: there.triggeredAt }),
      ...(nextFireAt === undefined ? {} : { nextFireAt }),
    };
  };
  return { key, edit };
}

/** Whether deploying it again would change nothing. */
export function sameTrigger(current: TriggerRow | undefined, next: TriggerToDeploy): boolean {
  if (current === undefined) return false;
  const strip = (spec: TriggerSpec) =>
    toBinary(TriggerSpecSchema, { ...spec, active: false, inputWrapper: { case: undefined } });
  const automation = next.automation ?? create(TriggerAutomationSpecSchema);
  return same(current.automation, automation) && Buffer.compare(strip(current.spec), strip(next.spec)) === 0;
}

function same(a: TriggerAutomationSpec, b: TriggerAutomationSpec): boolean {
  return Buffer.compare(toBinary(TriggerAutomationSpecSchema, a), toBinary(TriggerAutomationSpecSchema, b)) === 0;
}

export function kickoffArgument({ automation }: TriggerAutomationSpec): string {
  return automation.case === "schedule" ? automation.value.kickoffTimeInputArg : "";
}

function checkKickoff(automation: TriggerAutomationSpec, task: TaskSpec, field: string): void {
  const name = kickoffArgument(automation);
  const inputs = task.taskTemplate?.interface?.inputs?.variables.map(({ key }) => key) ?? [];
  if (name === "" || inputs.includes(name)) return;
  throw invalid(
    `${field}.automation_spec.schedule.kickoff_time_input_arg`,
    `"${name}" is not an input of the task; it has ${inputs.length === 0 ? "none" : inputs.join(", ")}`,
  );
}

/** Values are not kept here: those that came with the request go into the object store. */
async function withStoredInputs(ctx: Context, { key, spec, task, field }: TriggerToDeploy): Promise<TriggerSpec> {
  const { inputWrapper } = spec;
  if (inputWrapper.case === "offloadedInputData") {
    const own = scopePrefix(ctx, key);
    if (isBelow(inputWrapper.value.uri, own)) return spec;
    throw invalid(
      `${field}.spec.offloaded_input_data.uri`,
      `"${inputWrapper.value.uri}" is not below ${own} of the object store`,
    );
  }
  if (inputWrapper.case === undefined || inputWrapper.value.literals.length === 0) return spec;
  const content = toBinary(InputsSchema, inputWrapper.value);
  const { project, domain } = key;
  const { nativeUrl } = await putInputs(ctx, { project, domain, run: newRunName() }, content);
  const uri = nativeUrl.slice(0, -(inputsFile.length + 1));
  const value = create(OffloadedInputDataSchema, {
    uri,
    inputsHash: inputsHash(inputWrapper.value, task.taskTemplate),
  });
  return { ...spec, inputWrapper: { case: "offloadedInputData", value } };
}
