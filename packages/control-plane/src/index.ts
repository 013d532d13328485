export type { ControlPlaneConfig, DataPlane } from "./context.ts";
export { type ControlPlane, createControlPlane, ensureProject } from "./control-plane.ts";
export { apiMethods } from "./api-table.ts";
export { rpcErrors } from "./rpc-log.ts";
export { ensureBuildTask } from "./system-tasks.ts";
export { openSqliteStore } from "./store/sqlite.ts";
