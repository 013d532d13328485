import type { Order } from "@homeplane/idl/homeplane/v1/orchestration";

export function runOf({ order, sequence }: Order): string {
  const id = order.case === "start" ? order.value.spec?.actionId : order.value?.actionId;
  const { project, domain, name } = id?.run ?? {};
  return name === undefined ? `order ${sequence}` : `${project}/${domain}/${name}`;
}

/** The name of the action that it starts. */
export function rootOf({ order }: Order): string | undefined {
  return order.case === "start" ? order.value.spec?.actionId?.name : undefined;
}
