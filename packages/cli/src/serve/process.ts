/**
 * The life of one component as a process of its own: probes first, then its parts, then its server; it serves until SIGTERM, says that it is no
 * longer ready, finishes what it has begun, and ends. Exit code 0 after a stop that was asked for, else 1.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import {
  createLogger,
  type HttpHandler,
  listenTls,
  type Logger,
  type LogLevel,
  pause,
  runServices,
  type Service,
  systemClock as clock,
  type TlsServer,
} from "@homeplane/runtime-kit";
import { explainError } from "../explain-error.ts";
import { collectAll, idleMemory, processLoad } from "../up/idle-memory.ts";
import { version } from "../version.ts";
import { type Check, startProbes } from "./probes.ts";

export interface ProcessOptions {
  readonly name: string;
  readonly logLevel: LogLevel;
  readonly listen: { readonly host: string; readonly port: number; readonly probePort: number };
  readonly tls: { readonly certFile: string; readonly keyFile: string };
}

/** What a component is made of. */
export interface Parts {
  readonly services: readonly Service[];
  readonly checks: readonly Check[];
  /** Served with TLS; absent = nobody calls it. */
  readonly handler?: HttpHandler;
  readonly upgrade?: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
}

export interface Building {
  readonly log: Logger;
  /** What is opened on the way is closed at the end, in reverse. */
  readonly stack: AsyncDisposableStack;
}

/** Until callers know that this one goes: endpoints of a Service take a moment. */
const announceMs = 2_000;
const drainMs = 20_000;

/** `prepare` reads the configuration; `build` makes the parts. */
export async function runProcess<T extends ProcessOptions>(
  name: string,
  prepare: () => Promise<T>,
  build: (options: T, building: Building) => Promise<Parts>,
): Promise<void> {
  let log = createLogger({ level: "info", to: "stdout" }).child({ component: name });
  const stop = stopSignal();
  process.on("uncaughtException", (error) => {
    log.fatal({ event: "process.crashed", err: error });
    process.exit(1);
  });
  try {
    const options = await prepare();
    log = createLogger({ level: options.logLevel, to: "stdout" }).child({ component: name });
    await serve(options, log, stop, build);
    log.info({ event: "process.stopped" });
  } catch (error) {
    const { message, nextStep, code } = explainError(error);
    log.fatal({ event: "process.failed", code, error: message, nextStep });
    process.exitCode = 1;
  }
}

async function serve<T extends ProcessOptions>(
  options: T,
  log: Logger,
  stop: AbortSignal,
  build: (options: T, building: Building) => Promise<Parts>,
): Promise<void> {
  const { name, listen, tls } = options;
  await using stack = new AsyncDisposableStack();
  const probes = await startProbes({ name, version, ...listen });
  stack.defer(() => probes.close());
  const { services, checks, handler, upgrade } = await build(options, { log, stack });
  const server =
    handler === undefined
      ? undefined
      : await listenTls({ ...listen, ...tls, handler, ...(upgrade === undefined ? {} : { upgrade }), clock, log });
  const own: readonly Check[] = server === undefined ? [] : [{ name: "certificate", problem: () => server.problem() }];
  probes.serving([...checks, ...own]);
  log.info({ event: "process.started", version, port: server?.port, probePort: probes.port });
  const ending = new AbortController();
  const running = runServices([...services, memory(log)], ending.signal);
  await Promise.race([running, aborted(stop)]);
  probes.stopping();
  await drain(server, ending);
  await running;
}

/** New calls still get an answer while their makers learn that we go; then those under way have their time. */
async function drain(server: TlsServer | undefined, ending: AbortController): Promise<void> {
  if (server !== undefined) await pause(clock, announceMs, ending.signal);
  ending.abort(new DOMException("the process stops", "AbortError"));
  await server?.close(drainMs);
}

const memory = (log: Logger): Service => idleMemory({ clock, log, load: processLoad(), collect: collectAll });

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Aborts on the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    });
  }
  return controller.signal;
}
