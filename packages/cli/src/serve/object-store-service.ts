import { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { objectStoreService as createService } from "@homeplane/object-store-service";
import type { Build } from "./component.ts";

/** Structured values are at most 20 MiB, far below this. */
const maxBytes = 64 << 20;

export const objectStoreService: Build = ({ config, handler, store: open }) => {
  const { store, presigner, buckets } = open();
  const callers = new Map([[ObjectStoreService, ["tunnel-service", "task-gateway"]]]);
  const service = createService({ store, presigner, buckets, org: config.org });
  return {
    services: [],
    checks: [],
    handler: handler(callers, maxBytes, (router) => router.service(ObjectStoreService, service)),
  };
};
