import { createOperator } from "@homeplane/operator";
import { version } from "../version.ts";
import type { Build } from "./component.ts";
import { leading } from "./leading.ts";
import { namespaceConfig } from "./namespace-config.ts";

export const operator: Build = ({ config, client, shared, log, ...context }) => {
  context.needsDefinition();
  const { cluster } = config;
  const { transport: orchestration } = context.controlPlane();
  const options = { ...shared, client, orchestration, cluster, version, namespaces: namespaceConfig(config) };
  const { service, checks } = leading({ client, log, namespace: config.namespace, name: "operator" }, () =>
    createOperator(options),
  );
  return { services: [service], checks };
};
