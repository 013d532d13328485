export type { TunnelServiceOptions, Upstream } from "./options.ts";
export { createTunnelService, type TunnelService } from "./tunnel-service.ts";
