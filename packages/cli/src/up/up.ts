/** `homeplane up`: starts everything in this process and serves until it is told to stop. */
import { rm } from "node:fs/promises";
import { createLogger, HomeplaneError, type Logger, messageOf } from "@homeplane/runtime-kit";
import { finishReset } from "../reset/reset.ts";
import { compose, type Homeplane } from "./compose.ts";
import type { UpConfig } from "./config.ts";
import { type DataDirPaths, openDataDir } from "./data-dir.ts";
import { type Endpoints, writeFiles } from "./files.ts";
import { startKubernetes } from "./kubernetes.ts";
import { takeLock } from "./lock.ts";
import { requireFree } from "./ports.ts";
import { findPython, type PythonEnvironment } from "./python.ts";

export interface Running {
  readonly endpoints: Endpoints;
  readonly paths: DataDirPaths;
  readonly python: PythonEnvironment;
  readonly homeplane: Homeplane;
  /** Resolves when everything has stopped; rejects when a component could not go on. */
  readonly stopped: Promise<void>;
}

/**
 * Ready when it resolves. A failed start leaves nothing half-made: what was opened is closed, the lock is given back. `kubernetes` lets tests put a
 * real API server in the place of the embedded one.
 */
export async function up(
  config: UpConfig,
  signal: AbortSignal,
  kubernetes: typeof startKubernetes = startKubernetes,
): Promise<Running> {
  const paths = await openDataDir(config.dataDir);
  const unlock = await takeLock(paths.lock, paths.root);
  const abandon = new AbortController();
  let stopped: Promise<void> | undefined;
  try {
    await finishReset(paths);
    const python = await findPython(config.python);
    await requireFree(config.host, config.port);
    const log = createLogger({ level: config.logLevel, file: paths.log });
    const homeplane = await compose(config, paths, python, log, kubernetes);
    stopped = serve(homeplane, paths, log, unlock, AbortSignal.any([signal, abandon.signal]));
    // Whoever awaits it gets the failure; until then it must not end the process unseen.
    stopped.catch(() => undefined);
    const endpoints = await writeFiles(config, paths, homeplane, python.python);
    log.info({ event: "homeplane.ready", ...endpoints });
    return { endpoints, paths, python, homeplane, stopped };
  } catch (error) {
    abandon.abort();
    await (stopped?.catch(() => undefined) ?? unlock());
    throw error;
  }
}

async function serve(
  homeplane: Homeplane,
  paths: DataDirPaths,
  log: Logger,
  unlock: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await homeplane.run(signal);
  } catch (error) {
    log.fatal({ event: "homeplane.failed", err: error });
    const next = `the log tells more: ${paths.log}; start again, nothing that was accepted is lost`;
    throw new HomeplaneError("ComponentFailed", messageOf(error), next, { cause: error });
  } finally {
    await rm(paths.endpoints, { force: true });
    await unlock();
  }
}
