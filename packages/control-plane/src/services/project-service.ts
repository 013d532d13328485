import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  type Project as ProtoProject,
  ProjectState,
  type ProjectService,
} from "@homeplane/idl/flyteidl2/project/project_service";
import type { Context } from "../context.ts";
import type { Project } from "../store/port.ts";
import { invalid } from "./identifiers.ts";
import { projectQuery } from "./project-query.ts";

/** A project's id becomes the start of a namespace's name. */
const projectId = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export function projectService(ctx: Context): Partial<ServiceImpl<typeof ProjectService>> {
  const view = (project: Project) => ({
    ...project,
    org: ctx.config.org,
    domains: ctx.config.domains.map((name) => ({ id: name, name })),
    labels: { values: { ...project.labels } },
    state: project.archived ? ProjectState.ARCHIVED : ProjectState.ACTIVE,
  });
  return {
    async createProject({ project }) {
      if (!(await ctx.store.projects.create(fromRequest(project)))) {
        throw new ConnectError(`project "${project?.id}" exists already`, Code.AlreadyExists);
      }
      return {};
    },
    async updateProject({ project }) {
      if (!(await ctx.store.projects.update(fromRequest(project)))) throw notFound(project?.id ?? "");
      return {};
    },
    async getProject({ id }) {
      const project = await ctx.store.projects.get(id);
      if (project === undefined) throw notFound(id);
      return { project: view(project) };
    },
    async listProjects(request) {
      const query = projectQuery(request);
      const found = await ctx.store.projects.list(query);
      const projects = found.slice(0, query.limit).map(view);
      const token = found.length > query.limit ? String(query.offset + query.limit) : "";
      return { projects: { projects, token } };
    },
  };
}

function notFound(id: string): ConnectError {
  return new ConnectError(`project "${id}" does not exist`, Code.NotFound);
}

function fromRequest(project: ProtoProject | undefined): Project {
  if (project === undefined) throw invalid("project", "is required");
  const { id, name, description, labels, state } = project;
  if (!projectId.test(id))
    throw invalid("project.id", `"${id}" must be 1 to 63 lower-case letters, digits and inner dashes`);
  const archived = state === ProjectState.ARCHIVED || state === ProjectState.SYSTEM_ARCHIVED;
  return { id, name: name || id, description, labels: labels?.values ?? {}, archived };
}
