import { LogService } from "@homeplane/idl/homeplane/v1/dataplane";
import { createLogProvider } from "@homeplane/log-provider";
import type { Build } from "./component.ts";

const maxBytes = 1 << 20;

/** Writes the archive into the metadata bucket itself, in its own role. */
export const logProvider: Build = ({ config, client, shared, handler, store: open }) => {
  const { store, buckets } = open();
  const { org, cluster } = config;
  const provider = createLogProvider({ ...shared, client, store, bucket: buckets.metadata, org, cluster });
  const callers = new Map([[LogService, ["tunnel-service"]]]);
  return {
    services: [provider.archiver],
    checks: [{ name: "log-provider", problem: provider.problem }],
    handler: handler(callers, maxBytes, (router) => router.service(LogService, provider.service)),
  };
};
