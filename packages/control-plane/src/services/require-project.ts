import { Code, ConnectError } from "@connectrpc/connect";
import type { Context } from "../context.ts";

/** NOT_FOUND with the way out when the project or the domain does not exist. */
export async function requireProject(ctx: Context, project: string, domain: string): Promise<void> {
  const found = await ctx.store.projects.get(project);
  if (found === undefined) {
    throw new ConnectError(
      `project "${project}" does not exist: create it with \`flyte create project --id ${project} --name ${project}\`, or use another one`,
      Code.NotFound,
    );
  }
  if (found.archived)
    throw new ConnectError(`project "${project}" is archived: activate it first`, Code.FailedPrecondition);
  requireDomain(ctx, domain);
}

export function requireDomain(ctx: Context, domain: string): void {
  if (!ctx.config.domains.includes(domain)) {
    throw new ConnectError(
      `domain "${domain}" does not exist: the domains are ${ctx.config.domains.join(", ")}`,
      Code.NotFound,
    );
  }
}
