import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { Filter_Function, type ListRequest } from "@homeplane/idl/flyteidl2/common/list";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import type { TaskService } from "@homeplane/idl/flyteidl2/task/task_service";
import type { Context } from "../context.ts";
import type { TaskRow } from "../store/port.ts";
import { checkTemplateSize } from "../actions/template-size.ts";
import { type Page, pageToken, parsePage } from "./filters.ts";
import { invalid } from "./identifiers.ts";
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
  const metadataOf = (row: TaskRow) => ({
    shortName: row.spec.shortName,
    environmentName: row.spec.environment?.name ?? "",
    shortDescription: row.spec.documentation?.shortDescription ?? "",
    deployedAt: timestampFromMs(row.createdAt),
  });
  return {
    async deployTask({ taskId, spec, triggers }) {
      const key = taskKey(taskId);
      await requireProject(ctx, key.project, key.domain);
      if (spec?.taskTemplate === undefined) throw invalid("spec.task_template", "is required");
      checkTemplateSize(spec, "spec");
      if (triggers.length > 0)
        throw new ConnectError("triggers: are not supported yet; deploy the task without them", Code.Unimplemented);
      const created = await ctx.store.tasks.create({ ...key, createdAt: ctx.clock.now(), spec });
      if (created) return {};
      const existing = await ctx.store.tasks.get(key);
      const same =
        existing !== undefined &&
        Buffer.compare(toBinary(TaskSpecSchema, existing.spec), toBinary(TaskSpecSchema, spec)) === 0;
      const what = same
        ? "is deployed already"
        : "is deployed already with another specification: choose a new version";
      throw new ConnectError(`task ${key.name} version ${key.version} ${what}`, Code.AlreadyExists);
    },
    async getTaskDetails({ taskId }) {
      const row = await findTask(ctx, taskId);
      return { details: { taskId: idOf(row), metadata: metadataOf(row), spec: row.spec } };
    },
    async listTasks({ request, scopeBy }) {
      const { name, domain } = scopeBy.case === "projectId" ? scopeBy.value : { name: "", domain: "" };
      const page = parsePage(request);
      const query = {
        ...(name ? { project: name } : {}),
        ...(domain ? { domain } : {}),
        ...exact(request, ["name", "version"]),
        ...newestFirst(page),
        latestOnly: true,
      };
      const { rows, next } = await ctx.store.tasks.list(query);
      return { tasks: rows.map((row) => ({ taskId: idOf(row), metadata: metadataOf(row) })), token: pageToken(next) };
    },
    async listVersions({ request, taskName }) {
      if (taskName === undefined) throw invalid("task_name", "is required");
      const { project, domain, name } = taskName;
      const page = newestFirst(parsePage(request));
      const { rows, next } = await ctx.store.tasks.list({ project, domain, name, latestOnly: false, ...page });
      return {
        versions: rows.map((row) => ({ version: row.version, deployedAt: timestampFromMs(row.createdAt) })),
        token: pageToken(next),
      };
    },
  };
}

function newestFirst({ ascending, limit, after }: Page): Pick<Page, "limit" | "after"> {
  if (ascending) throw invalid("request.sort_by.direction", "tasks are listed newest first only");
  return { limit, ...(after ? { after } : {}) };
}

/** The filters that name one value exactly. */
function exact(
  request: ListRequest | undefined,
  allowed: readonly ("name" | "version")[],
): { name?: string; version?: string } {
  const found: { name?: string; version?: string } = {};
  for (const [index, filter] of (request?.filters ?? []).entries()) {
    const field = allowed.find((candidate) => filter.field === candidate || filter.field === `task_${candidate}`);
    const value = filter.values[0];
    if (field === undefined || filter.function !== Filter_Function.EQUAL || value === undefined) {
      throw invalid(`request.filters[${index}]`, `only ${allowed.join(" and ")} with EQUAL are supported`);
    }
    found[field] = value;
  }
  return found;
}
