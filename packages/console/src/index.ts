export { consoleHandler } from "./console.ts";
