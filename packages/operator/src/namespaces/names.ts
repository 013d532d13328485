import { labels, labelValue, namespaceOf } from "@homeplane/idl";
import type { ObjectMeta } from "@homeplane/kube";
import type { NamespaceConfig } from "./config.ts";

/** On a namespace, and on what we keep in it: ours to change. */
export const ownedBy = { key: "homeplane.dev/owned-by", value: "operator" } as const;
export const ownedSelector = `${ownedBy.key}=${ownedBy.value}`;
/** On role bindings of task namespaces. */
export const rightsFinalizer = "homeplane.dev/rights";
/** As they are, where a label may hold a hash. */
const projectAnnotation = "homeplane.dev/project";
const domainAnnotation = "homeplane.dev/domain";

/** A project's domain, which has a namespace. */
export interface Tenant {
  readonly namespace: string;
  readonly project: string;
  readonly domain: string;
}

export function tenantOf(project: string, domain: string): Tenant {
  return { namespace: namespaceOf(project, domain), project, domain };
}

export function namespaceMetadata({ namespace, project, domain }: Tenant, config: NamespaceConfig): ObjectMeta {
  const override = config.overrides[namespace];
  return {
    name: namespace,
    labels: {
      [ownedBy.key]: ownedBy.value,
      "union.ai/namespace-type": "flyte",
      ...projectLabels({ project, domain }),
      "pod-security.kubernetes.io/enforce": override?.podSecurity ?? config.podSecurity,
    },
    annotations: { [projectAnnotation]: project, [domainAnnotation]: domain },
  };
}

/** What the namespace says it belongs to, when it is one of ours. */
export function tenantIn({ name, labels: has = {}, annotations = {} }: ObjectMeta): Tenant | undefined {
  const [project, domain] = [annotations[projectAnnotation], annotations[domainAnnotation]];
  if (has[ownedBy.key] !== ownedBy.value || project === undefined || domain === undefined) return undefined;
  const tenant = tenantOf(project, domain);
  return tenant.namespace === name ? tenant : undefined;
}

function projectLabels({ project, domain }: { project: string; domain: string }): Record<string, string> {
  return { [labels.project]: labelValue(project), [labels.domain]: labelValue(domain) };
}

export type Ownership =
  | { readonly kind: "ours" }
  /** To be taken over by our labels: handed to us, or made by a version that set fewer of them. */
  | { readonly kind: "adoptable" }
  | { readonly kind: "foreign"; readonly why: string };

/** Whose namespace this is. The name is not enough: somebody else's may be called the same. */
export function ownershipOf(metadata: ObjectMeta, tenant: Tenant, adopt: boolean): Ownership {
  const { labels: has = {}, annotations = {} } = metadata;
  const [project, domain] = [annotations[projectAnnotation], annotations[domainAnnotation]];
  if (project !== undefined && (project !== tenant.project || domain !== tenant.domain))
    return { kind: "foreign", why: `it belongs to project ${project}, domain ${domain ?? "(none)"}` };
  const marked = has[ownedBy.key] === ownedBy.value;
  if (marked) return { kind: project === undefined ? "adoptable" : "ours" };
  if (has[ownedBy.key] !== undefined) return { kind: "foreign", why: `it is owned by ${has[ownedBy.key]}` };
  const expected = Object.entries(projectLabels(tenant));
  if (adopt && expected.every(([key, value]) => has[key] === value)) return { kind: "adoptable" };
  return { kind: "foreign", why: "Homeplane did not make it" };
}
