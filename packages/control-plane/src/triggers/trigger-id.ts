import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type TriggerIdentifier,
  TriggerIdentifierSchema,
  type TriggerName,
} from "@homeplane/idl/flyteidl2/common/identifier";
import {
  type TriggerDetails,
  TriggerDetailsSchema,
  type TriggerStatus,
  TriggerStatusSchema,
} from "@homeplane/idl/flyteidl2/trigger/trigger_definition";
import { checkName, invalid } from "../services/identifiers.ts";
import type { TriggerKey, TriggerRow } from "../store/trigger-port.ts";

export function triggerKey(name: TriggerName | undefined, field = "name"): TriggerKey {
  if (name === undefined) throw invalid(field, "is required");
  for (const part of ["project", "domain", "name"] as const) checkName(name[part], `${field}.${part}`);
  checkName(name.taskName, `${field}.task_name`);
  return { project: name.project, domain: name.domain, taskName: name.taskName, name: name.name };
}

export function triggerPath({ project, domain, taskName, name }: TriggerKey): string {
  return `${project}/${domain}/${taskName}/${name}`;
}

export function triggerNotFound({ project, domain, taskName, name }: TriggerKey): ConnectError {
  return new ConnectError(
    `task ${taskName} has no trigger ${name} in ${project}/${domain}: \`flyte get trigger\` lists those there are`,
    Code.NotFound,
  );
}

export function triggerIdentifier(org: string, row: TriggerKey & { revision: number }): TriggerIdentifier {
  const { project, domain, taskName, name } = row;
  return create(TriggerIdentifierSchema, {
    name: { org, project, domain, taskName, name },
    revision: BigInt(row.revision),
  });
}

export function triggerStatus({ deployedAt, updatedAt, triggeredAt, deletedAt }: TriggerRow): TriggerStatus {
  return create(TriggerStatusSchema, {
    deployedAt: timestampFromMs(deployedAt),
    updatedAt: timestampFromMs(updatedAt),
    ...(triggeredAt === undefined ? {} : { triggeredAt: timestampFromMs(triggeredAt) }),
    ...(deletedAt === undefined ? {} : { deletedAt: timestampFromMs(deletedAt) }),
  });
}

export function triggerDetails(org: string, row: TriggerRow): TriggerDetails {
  return create(TriggerDetailsSchema, {
    id: triggerIdentifier(org, row),
    metadata: {},
    spec: { ...row.spec, active: row.active },
    status: triggerStatus(row),
    automationSpec: row.automation,
    description: row.spec.description,
  });
}
