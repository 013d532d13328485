export { type Backoff, backoffMs } from "./backoff.ts";
export { type Clock, pause, type Random, sleep, systemClock } from "./clock.ts";
export { HomeplaneError, messageOf } from "./error.ts";
export { createLogger, type Logger, type LogLevel, silentLogger } from "./log.ts";
export { runServices, type Service } from "./service.ts";
export { Subject } from "./subject.ts";
export { type HttpHandler, type HttpServer, listenHttp } from "./http-server.ts";
