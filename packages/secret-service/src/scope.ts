import { shortHash } from "@homeplane/idl";

/**
 * Whose a secret is: a project's domain, a domain of every project, or the whole organization (both empty). A project without a
 * domain is no scope: no task would ever look there.
 */
export interface SecretScope {
  readonly project: string;
  readonly domain: string;
}

export interface SecretId extends SecretScope {
  readonly name: string;
}

/** Where a task looks, first match wins: the order of the SDK. */
export function scopesOf({ project, domain }: SecretScope): readonly SecretScope[] {
  return [
    { project, domain },
    { project: "", domain },
    { project: "", domain: "" },
  ];
}

export function describeScope({ project, domain }: SecretScope): string {
  if (project !== "") return `project ${project}, domain ${domain}`;
  return domain === "" ? "the organization" : `domain ${domain}`;
}

/**
 * The name of the Kubernetes Secret that keeps it. Opaque: what users call their secrets is nobody's business who may list names,
 * and any name that Flyte allows fits.
 */
export function storedName(org: string, { project, domain, name }: SecretId): string {
  return `s-${shortHash([org, project, domain, name].join("\n"), 40)}`;
}
