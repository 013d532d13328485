import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { Filter_Function, type ListRequest } from "@homeplane/idl/flyteidl2/common/list";
import { type TaskSpec, TaskSpecSchema, type TaskTrigger } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { ListTasksRequest, TaskService } from "@homeplane/idl/flyteidl2/task/task_service";
import { TriggerSpecSchema } from "@homeplane/idl/flyteidl2/trigger/trigger_definition";
import type { Context } from "../context.ts";
import type { TaskKey, TaskQuery, TaskRow } from "../store/port.ts";
import type { TriggerEdit } from "../store/trigger-port.ts";
import { checkTask } from "../actions/check-task.ts";
import { deployEdit, sameTrigger, type TriggerToDeploy } from "../triggers/deploy.ts";
import { triggerChanges } from "../triggers/scheduler.ts";
import { pageToken, parsePage } from "./filters.ts";
import { checkName, invalid } from "./identifiers.ts";
import { requireProject } from "./require-project.ts";
import { findTask, taskKey } from "./task-lookup.ts";

export function taskService(ctx: Context): Partial<ServiceImpl<typeof TaskService>> {
  const idOf = ({ project, domain, name, version }: TaskRow) => ({
    org: ctx.config.org,
    project,
    domain,
    name,
    version,
  });
  const metadataOf = async (row: TaskRow) => ({
    triggersSummary: await triggersOfTask(row),
    shortName: row.spec.shortName,
    environmentName: row.spec.environment?.name ?? "",
    shortDescription: row.spec.documentation?.shortDescription ?? "",
    deployedAt: timestampFromMs(row.createdAt),
  });
  /** The one trigger that the task has, or how many. */
  async function triggersOfTask({ project, domain, name: taskName }: TaskRow) {
    const query = { project, domain, taskName, limit: 1_000, after: 0 };
    const { rows } = await ctx.store.triggers.list(query);
    const [only] = rows;
    if (only !== undefined && rows.length === 1) {
      const value = { name: only.name, active: only.active, automationSpec: only.automation };
      return { summary: { case: "details" as const, value } };
    }
    const value = { total: rows.length, active: rows.filter(({ active }) => active).length };
    return { summary: { case: "stats" as const, value } };
  }

  /** The same version again: a trigger that is missing, or was written differently, is deployed; others, and their pauses, stay. */
  async function redeployed(wanted: readonly TriggerToDeploy[]): Promise<boolean> {
    const edits: TriggerEdit[] = [];
    for (const trigger of wanted) {
      const current = await ctx.store.triggers.get(trigger.key);
      // One that runs another version was moved there by a later deployment.
      if (current !== undefined && current.spec.taskVersion !== trigger.spec.taskVersion) continue;
      if (!sameTrigger(current, trigger)) edits.push(await deployEdit(ctx, trigger));
    }
    if (edits.length === 0) return false;
    await ctx.store.triggers.edit(edits);
    ctx.changes.publish(triggerChanges);
    return true;
  }

  return {
    async deployTask({ taskId, spec, triggers }) {
      const key = taskKey(taskId);
      await requireProject(ctx, key.project, key.domain);
      if (spec?.taskTemplate === undefined) throw invalid("spec.task_template", "is required");
      checkTask(spec, "spec");
      const wanted = triggersOf(key, spec, triggers);
      const edits = await Promise.all(wanted.map((trigger) => deployEdit(ctx, trigger)));
      const created = await ctx.store.tasks.create({ ...key, createdAt: ctx.clock.now(), spec }, edits);
      if (created) {
        ctx.changes.publish(triggerChanges);
        return {};
      }
      const existing = await ctx.store.tasks.get(key);
      const same =
        existing !== undefined &&
        Buffer.compare(toBinary(TaskSpecSchema, existing.spec), toBinary(TaskSpecSchema, spec)) === 0;
      if (same && (await redeployed(wanted))) return {};
      const what = same
        ? "is deployed already"
        : "is deployed already with another specification: choose a new version";
      throw new ConnectError(`task ${key.name} version ${key.version} ${what}`, Code.AlreadyExists);
    },
    async getTaskDetails({ taskId }) {
      const row = await findTask(ctx, taskId);
      return { details: { taskId: idOf(row), metadata: await metadataOf(row), spec: row.spec } };
    },
    async listTasks({ request, scopeBy, knownFilters }) {
      const { name, domain } = scopeBy.case === "projectId" ? scopeBy.value : { name: "", domain: "" };
      const page = parsePage(request);
      const query = {
        ...(name ? { project: name } : {}),
        ...(domain ? { domain } : {}),
        ...named(request),
        ...entrypoints(knownFilters),
        ...page,
        latestOnly: true,
      };
      const { rows, next } = await ctx.store.tasks.list(query);
      const tasks = rows.map(async (row) => ({ taskId: idOf(row), metadata: await metadataOf(row) }));
      return { tasks: await Promise.all(tasks), token: pageToken(next) };
    },
    async listVersions({ request, taskName }) {
      if (taskName === undefined) throw invalid("task_name", "is required");
      const { project, domain, name } = taskName;
      const page = parsePage(request);
      const { rows, next } = await ctx.store.tasks.list({ project, domain, name, latestOnly: false, ...page });
      return {
        versions: rows.map((row) => ({ version: row.version, deployedAt: timestampFromMs(row.createdAt) })),
        token: pageToken(next),
      };
    },
  };
}

const maxTriggers = 100;

function triggersOf(task: TaskKey, spec: TaskSpec, triggers: readonly TaskTrigger[]): TriggerToDeploy[] {
  if (triggers.length > maxTriggers) throw invalid("triggers", `are ${triggers.length}, the limit is ${maxTriggers}`);
  const names = new Set<string>();
  return triggers.map(({ name, spec: triggerSpec, automationSpec: automation }, index) => {
    const field = `triggers[${index}]`;
    checkName(name, `${field}.name`);
    if (names.has(name)) throw invalid(`${field}.name`, `"${name}" is there twice`);
    names.add(name);
    const { project, domain } = task;
    const { active = false, inputWrapper, runSpec, description = "" } = triggerSpec ?? {};
    return {
      key: { project, domain, taskName: task.name, name },
      task: spec,
      automation,
      field,
      spec: create(TriggerSpecSchema, {
        active,
        description,
        taskVersion: task.version,
        ...(inputWrapper ? { inputWrapper } : {}),
        ...(runSpec ? { runSpec } : {}),
      }),
    };
  });
}

/** The filters on names: EQUAL, or CONTAINS for all tasks of an environment. */
function named(request: ListRequest | undefined): Pick<TaskQuery, "name" | "nameContains" | "version"> {
  const found: { name?: string; nameContains?: string; version?: string } = {};
  for (const [index, { field, function: fn, values }] of (request?.filters ?? []).entries()) {
    const column = field.replace(/^task_/, "");
    const [value] = values;
    if (value !== undefined && fn === Filter_Function.EQUAL && (column === "name" || column === "version"))
      found[column] = value;
    else if (value !== undefined && fn === Filter_Function.CONTAINS && column === "name") found.nameContains = value;
    else throw invalid(`request.filters[${index}]`, "only name (EQUAL, CONTAINS) and version (EQUAL) are supported");
  }
  return found;
}

function entrypoints(filters: ListTasksRequest["knownFilters"]): Pick<TaskQuery, "entrypoint"> {
  let entrypoint: boolean | undefined;
  for (const [index, { filterBy }] of filters.entries()) {
    if (filterBy.case !== "isEntrypoint") throw invalid(`known_filters[${index}]`, "only is_entrypoint is supported");
    entrypoint = filterBy.value;
  }
  return entrypoint === undefined ? {} : { entrypoint };
}
