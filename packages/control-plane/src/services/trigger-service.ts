import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { Filter_Function, type ListRequest } from "@homeplane/idl/flyteidl2/common/list";
import { TriggerRevisionAction } from "@homeplane/idl/flyteidl2/trigger/trigger_definition";
import type { ListTriggersRequest, TriggerService } from "@homeplane/idl/flyteidl2/trigger/trigger_service";
import type { Context } from "../context.ts";
import type { EditedTrigger, TriggerEdit, TriggerKey, TriggerQuery, TriggerRow } from "../store/trigger-port.ts";
import { deployEdit } from "../triggers/deploy.ts";
import { parseAutomation } from "../triggers/schedule.ts";
import { triggerChanges } from "../triggers/scheduler.ts";
import {
  triggerDetails,
  triggerIdentifier,
  triggerKey,
  triggerNotFound,
  triggerStatus,
} from "../triggers/trigger-id.ts";
import { pageLimit } from "./filters.ts";
import { invalid } from "./identifiers.ts";
import { requireProject } from "./require-project.ts";
import { findTask } from "./task-lookup.ts";

/** Of one request. */
const maxNames = 1_000;

export function triggerService(ctx: Context): ServiceImpl<typeof TriggerService> {
  const { org } = ctx.config;
  const edit = async (edits: readonly TriggerEdit[]) => {
    const rows = await ctx.store.triggers.edit(edits);
    ctx.changes.publish(triggerChanges);
    return rows;
  };
  return {
    async deployTrigger({ name, revision, spec, automationSpec }) {
      const key = triggerKey(name);
      await requireProject(ctx, key.project, key.domain);
      if (spec === undefined) throw invalid("spec", "is required");
      const { project, domain, taskName } = key;
      const id = { project, domain, name: taskName, version: spec.taskVersion, org, $typeName: taskIdType };
      const { spec: task } = await findTask(ctx, id, "spec.task_version");
      const expectedRevision = Number(revision);
      const [row] = await edit([
        await deployEdit(ctx, { key, spec, automation: automationSpec, task, field: "request", expectedRevision }),
      ]);
      if (row === undefined) throw triggerNotFound(key);
      return { trigger: triggerDetails(org, row) };
    },
    async getTriggerDetails({ name }) {
      const key = triggerKey(name);
      const row = await ctx.store.triggers.get(key);
      if (row === undefined) throw triggerNotFound(key);
      return { trigger: triggerDetails(org, row) };
    },
    async getTriggerRevisionDetails({ id }) {
      const key = triggerKey(id?.name, "id.name");
      const row = await ctx.store.triggers.getRevision(key, Number(id?.revision ?? 0n));
      if (row === undefined)
        throw new ConnectError(`trigger ${key.name} of ${key.taskName} has no revision ${id?.revision}`, Code.NotFound);
      return { trigger: triggerDetails(org, row) };
    },
    async listTriggers(request) {
      const { rows, next } = await ctx.store.triggers.list({
        ...scopeOf(request),
        ...filtersOf(request.request),
        limit: pageLimit(request.request),
        after: tokenOf(request.request),
      });
      const triggers = rows.map((row) => ({
        id: triggerIdentifier(org, row),
        metadata: {},
        status: triggerStatus(row),
        active: row.active,
        automationSpec: row.automation,
      }));
      return { triggers, token: next === undefined ? "" : String(next) };
    },
    async getTriggerRevisionHistory({ request, name }) {
      const limit = pageLimit(request);
      const before = tokenOf(request) || Number.MAX_SAFE_INTEGER;
      const rows = await ctx.store.triggers.revisions(triggerKey(name), { before, limit: limit + 1 });
      const shown = rows.slice(0, limit);
      const triggers = shown.map((row) => ({
        id: triggerIdentifier(org, row),
        metadata: {},
        status: triggerStatus(row),
        action: row.action,
        createdAt: timestampFromMs(row.updatedAt),
      }));
      return { triggers, token: rows.length > limit ? String(shown.at(-1)?.revision ?? "") : "" };
    },
    async updateTriggers({ names, active }) {
      await edit(keysOf(names).map((key) => ({ key, edit: (row) => activated(key, row, active) })));
      return {};
    },
    async deleteTriggers({ names }) {
      await edit(keysOf(names).map((key) => ({ key, edit: (row) => deleted(key, row) })));
      return {};
    },
  };

  function activated(key: TriggerKey, row: TriggerRow | undefined, active: boolean): EditedTrigger | undefined {
    if (row === undefined || row.deletedAt !== undefined) throw triggerNotFound(key);
    if (row.active === active) return undefined;
    const now = ctx.clock.now();
    // What passed while it was paused is not made up.
    const nextFireAt = active ? parseAutomation(row.automation, "automation_spec")?.next(now, now) : undefined;
    const { nextFireAt: _, ...rest } = row;
    const action = active ? TriggerRevisionAction.ACTIVATE : TriggerRevisionAction.DEACTIVATE;
    return { ...rest, action, active, updatedAt: now, ...(nextFireAt === undefined ? {} : { nextFireAt }) };
  }

  function deleted(key: TriggerKey, row: TriggerRow | undefined): EditedTrigger {
    if (row === undefined || row.deletedAt !== undefined) throw triggerNotFound(key);
    const { nextFireAt: _, ...rest } = row;
    const now = ctx.clock.now();
    return { ...rest, action: TriggerRevisionAction.DELETE, active: false, updatedAt: now, deletedAt: now };
  }
}

const taskIdType = "flyteidl2.task.TaskIdentifier" as const;

function keysOf(names: Parameters<ServiceImpl<typeof TriggerService>["deleteTriggers"]>[0]["names"]): TriggerKey[] {
  if (names.length === 0 || names.length > maxNames) throw invalid("names", `must hold 1 to ${maxNames} names`);
  return names.map((name, index) => triggerKey(name, `names[${index}]`));
}

function scopeOf({
  scopeBy,
}: ListTriggersRequest): Pick<TriggerQuery, "project" | "domain" | "taskName" | "taskVersion"> {
  switch (scopeBy.case) {
    case "projectId": {
      const { name, domain } = scopeBy.value;
      return { ...(name ? { project: name } : {}), ...(domain ? { domain } : {}) };
    }
    case "taskName": {
      const { project, domain, name } = scopeBy.value;
      return { project, domain, taskName: name };
    }
    case "taskId": {
      const { project, domain, name, version } = scopeBy.value;
      return { project, domain, taskName: name, taskVersion: version };
    }
    case "org":
    case undefined:
      return {};
  }
}

function filtersOf(request: ListRequest | undefined): Pick<TriggerQuery, "name" | "taskName" | "active"> {
  const sort = request?.sortByFields[0] ?? request?.sortBy;
  if (sort !== undefined && sort.key !== "")
    throw invalid(
      "request.sort_by.key",
      `"${sort.key}" can not be sorted by; triggers come in the order of deployment`,
    );
  const found: { name?: string; taskName?: string; active?: boolean } = {};
  for (const [index, { field, function: fn, values }] of (request?.filters ?? []).entries()) {
    const [value = ""] = values;
    const where = `request.filters[${index}]`;
    if (fn !== Filter_Function.EQUAL || values.length !== 1) throw invalid(where, "must be EQUAL with one value");
    if (field === "name") found.name = value;
    else if (field === "task_name") found.taskName = value;
    else if (field === "active") found.active = value === "true";
    else throw invalid(`${where}.field`, `"${field}" can not be filtered by; fields are name, task_name, active`);
  }
  return found;
}

function tokenOf(request: ListRequest | undefined): number {
  const token = request?.token ?? "";
  if (token === "") return 0;
  if (!/^\d{1,15}$/.test(token)) throw invalid("request.token", "is not one that this server gave out");
  return Number(token);
}
