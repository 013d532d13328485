import { createClient } from "@connectrpc/connect";
import { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { rpcErrors } from "@homeplane/runtime-kit";
import { createTaskGateway } from "@homeplane/task-gateway";
import type { Build } from "./component.ts";

/** Has no role in the store: it reaches objects over object-store-service only. What is not its own goes on to the control plane. */
export const taskGateway: Build = ({ config, client, tokens, shared, log, ...context }) => {
  context.needsDefinition();
  const { transport } = context.controlPlane();
  const objects = context.service("object-store-service", config.services.objectStoreService);
  const gateway = createTaskGateway({
    ...{ ...shared, client },
    callers: { tokens, address: config.services.taskGateway },
    objects: createClient(ObjectStoreService, objects.transport),
    orchestration: transport,
    upstream: transport,
    interceptors: [rpcErrors(log)],
  });
  return {
    services: [gateway.service],
    handler: gateway.handler,
    checks: [{ name: "task-gateway", problem: () => gateway.problem() }],
  };
};
