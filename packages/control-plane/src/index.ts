export type { ControlPlaneConfig, DataPlane } from "./context.ts";
export { type ControlPlane, createControlPlane, ensureProject } from "./control-plane.ts";
export { openSqliteStore } from "./store/sqlite.ts";
