export type { ControlPlaneConfig, DataPlane } from "./context.ts";
export { type ControlPlane, createControlPlane, ensureProject } from "./control-plane.ts";
export { apiMethods } from "./api-table.ts";
export { ensureBuildTask } from "./system-tasks.ts";
export { openSqliteStore } from "./store/sqlite.ts";
export { TunnelRegistry } from "./tunnel/registry.ts";
export { createTunnelTransport } from "./tunnel/transport.ts";
export { type ClusterConfig, type ClusterTokens, openClusterTokens } from "./tunnel/cluster-tokens.ts";
export { tunnelUpgrade } from "./tunnel/upgrade.ts";
