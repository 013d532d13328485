export { createLogProvider } from "./log-provider.ts";
export type { LogProviderOptions } from "./options.ts";
