import { createExecutor } from "@homeplane/executor";
import type { Build } from "./component.ts";
import { executorConfig } from "./executor-config.ts";
import { leading } from "./leading.ts";

/** Reads and writes the metadata bucket itself, in its own role. */
export const executor: Build = ({ config, client, shared, log, ...context }) => {
  context.needsDefinition();
  const { store } = context.store();
  const { transport: orchestration } = context.controlPlane();
  const { transport: secrets } = context.service("secret-service", config.services.secretService);
  const options = { ...shared, client, store, orchestration, secrets, config: executorConfig(config) };
  const { service, checks } = leading({ client, log, namespace: config.namespace, name: "executor" }, () =>
    createExecutor(options),
  );
  return { services: [service], checks };
};
