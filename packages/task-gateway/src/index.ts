export { createTaskGateway, type TaskGateway, type TaskGatewayOptions } from "./task-gateway.ts";
