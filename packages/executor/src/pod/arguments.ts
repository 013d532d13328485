import { checkpointFile } from "@homeplane/idl";
import { type PodContext, runStartTime } from "./task.ts";

/** Of the SDK's ContainerTask. */
export const inputPlaceholder = /\{\{\s*\.inputs\.(\w+)\s*\}\}/g;

/** Values of the placeholders in a task's command and arguments, names in lower case (substitution ignores case). */
export function placeholders(ctx: PodContext): ReadonlyMap<string, string> {
  const { spec } = ctx.taskAction;
  const rawData = ctx.runSpec?.rawDataStorage?.rawDataPrefix;
  return new Map([
    ["input", spec.inputUri ?? ""],
    ["outputprefix", ctx.outputPrefix],
    [
      "rawoutputdataprefix",
      rawData ? `${rawData.replace(/\/+$/, "")}/${spec.runName}/${spec.actionName}` : ctx.outputPrefix,
    ],
    ["checkpointoutputprefix", `${ctx.outputPrefix}/${checkpointFile}`],
    ["prevcheckpointprefix", ctx.previousPrefix === "" ? '""' : `${ctx.previousPrefix}/${checkpointFile}`],
    ["runname", spec.runName],
    ["actionname", spec.actionName],
    ["runstarttime", runStartTime(ctx)],
  ]);
}

/** Replaces `{{.inputs.name}}` by what the executor has read; `undefined` leaves it. */
export function renderInputs(text: string, inputs: ReadonlyMap<string, string>): string {
  return text.replaceAll(inputPlaceholder, (whole, name: string) => inputs.get(name) ?? whole);
}

/** Replaces `{{.name}}`; what is not ours is left for whoever knows it. */
export function render(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(
    /\{\{\s*\.([A-Za-z]+)\s*\}\}/g,
    (whole, name: string) => values.get(name.toLowerCase()) ?? whole,
  );
}
