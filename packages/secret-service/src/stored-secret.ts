/** A user's secret as a Kubernetes Secret in the namespace of secret-service, and back. */
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { labelValue } from "@homeplane/idl";
import {
  OverallStatus,
  type Secret as ProtoSecret,
  SecretPresenceStatus,
  SecretSchema,
  SecretType,
} from "@homeplane/idl/flyteidl2/secret/definition";
import { apiVersionOf, type Secret, secrets } from "@homeplane/kube";
import type { SecretValue } from "./checks.ts";
import { type SecretId, storedName } from "./scope.ts";

const prefix = "homeplane.dev";
/** Labels select; they may hold a hash. Annotations tell. */
const keys = {
  kind: `${prefix}/secret`,
  org: `${prefix}/organization`,
  project: `${prefix}/project`,
  domain: `${prefix}/domain`,
  name: `${prefix}/secret-name`,
  type: `${prefix}/secret-type`,
} as const;
const valueKey = "value";
const imagePull = "image-pull";

export interface Place {
  readonly namespace: string;
  readonly org: string;
  readonly cluster: string;
}

export function toStored({ namespace, org }: Place, id: SecretId, value: SecretValue): Secret {
  return {
    apiVersion: apiVersionOf(secrets),
    kind: secrets.kind,
    metadata: {
      name: storedName(org, id),
      namespace,
      labels: { [keys.kind]: "user", ...selecting(org, id) },
      annotations: {
        [keys.name]: id.name,
        [keys.org]: org,
        [keys.project]: id.project,
        [keys.domain]: id.domain,
        ...annotationOf(value.type),
      },
    },
    type: "Opaque",
    data: dataOf(value),
  };
}

/** What a new value changes of a stored one. */
export function valuePatch(value: SecretValue): Pick<Secret, "data"> & { metadata: { annotations: object } } {
  return { metadata: { annotations: { [keys.type]: null, ...annotationOf(value.type) } }, data: dataOf(value) };
}

function annotationOf(type: SecretType): Record<string, string> {
  return type === SecretType.IMAGE_PULL_SECRET ? { [keys.type]: imagePull } : {};
}

function dataOf({ bytes }: SecretValue): Record<string, string> {
  return { [valueKey]: Buffer.from(bytes).toString("base64") };
}

function selecting(org: string, { project, domain }: { project: string; domain: string }): Record<string, string> {
  return { [keys.org]: labelValue(org), [keys.project]: labelValue(project), [keys.domain]: labelValue(domain) };
}

/** All of the organization's; a project or a domain that is set narrows it. */
export function selectorOf(org: string, { project, domain }: { project: string; domain: string }): string {
  const wanted = { [keys.kind]: "user", [keys.org]: labelValue(org) };
  const narrowed = { ...(project ? { [keys.project]: labelValue(project) } : {}) };
  const all = { ...wanted, ...narrowed, ...(domain ? { [keys.domain]: labelValue(domain) } : {}) };
  return Object.entries(all)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

export function valueOf({ data }: Secret): Buffer {
  return Buffer.from(data?.[valueKey] ?? "", "base64");
}

/** What may be told of it: all but the value. */
export function describeStored({ org, cluster }: Place, { metadata }: Secret): ProtoSecret {
  const { annotations = {}, creationTimestamp = "" } = metadata;
  const created = new Date(creationTimestamp);
  return create(SecretSchema, {
    id: {
      name: annotations[keys.name] ?? "",
      organization: org,
      project: annotations[keys.project] ?? "",
      domain: annotations[keys.domain] ?? "",
    },
    secretMetadata: {
      ...(Number.isNaN(created.getTime()) ? {} : { createdTime: timestampFromDate(created) }),
      type: annotations[keys.type] === imagePull ? SecretType.IMAGE_PULL_SECRET : SecretType.GENERIC,
      secretStatus: {
        overallStatus: OverallStatus.FULLY_PRESENT,
        clusterStatus: [
          { cluster: { organization: org, name: cluster }, presenceStatus: SecretPresenceStatus.PRESENT },
        ],
      },
    },
  });
}
