export type { Buckets } from "./location.ts";
export { objectStoreService, type ObjectStoreServiceOptions } from "./service.ts";
