import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { runSample, sample } from "./start/sample.ts";
import { components } from "./serve/components.ts";
import { down, status } from "./status.ts";
import { upConfig } from "./up/config.ts";
import { findPython } from "./up/python.ts";
import { type Running, up } from "./up/up.ts";
import { version } from "./version.ts";

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

/** Aborts on the first Ctrl-C or SIGTERM; a second one ends the process at once. */
function stopSignal(quiet: boolean): AbortController {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      if (!quiet) say("\nStopping ...");
      controller.abort();
    });
  }
  return controller;
}

function printReady({ endpoints, paths }: Running): void {
  say(`
Homeplane is ready.
  console         ${endpoints.controlPlane}
  object store    ${endpoints.objectStore}
  kubeconfig      ${endpoints.kubeconfig}
  log             ${paths.log}

In another terminal:
  source ${paths.environment}
  flyte run hello                    # the SDK's own example
  python ${sample}    # the sample, or your own file
  kubectl get taskactions -A -w      # the same seen from Kubernetes

Serving. Ctrl-C stops.`);
}

export async function runUp(options: Record<string, unknown>): Promise<void> {
  const config = upConfig(options, process.env, version);
  const stop = stopSignal(config.json);
  const started = await up(config, stop.signal);
  if (config.json) say(JSON.stringify(started.endpoints));
  else printReady(started);
  await started.stopped;
  if (!config.json) say("Stopped.");
}

export async function runStart(options: Record<string, unknown>): Promise<void> {
  const { once, ...rest } = options;
  const config = upConfig(rest, process.env, version);
  const stop = stopSignal(once === true);
  say("Starting Homeplane ...\n");
  const started = await up(config, stop.signal);
  const succeeded = await runSample(started, stop.signal);
  if (!succeeded) process.exitCode = 1;
  if (once === true) stop.abort();
  else if (!stop.signal.aborted) printReady(started);
  await started.stopped;
  if (once !== true) say("Stopped.");
}

interface StatusOptions {
  readonly dataDir: string;
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly json?: boolean;
}

async function printInstallation(namespace: string, { kubeconfig, json }: StatusOptions): Promise<void> {
  const { connect, installationStatus, statusText } = await import("./installation/status.ts");
  const file = kubeconfig ?? process.env["KUBECONFIG"] ?? join(homedir(), ".kube/config");
  const cluster = await connect(file, process.env);
  try {
    const names = components.map(({ name }) => name);
    const found = await installationStatus(cluster, namespace, names);
    say(json === true ? JSON.stringify(found) : statusText(found));
    if (!found.ok) process.exitCode = 1;
  } finally {
    await cluster.transport.close();
  }
}

export async function printStatus(options: StatusOptions): Promise<void> {
  if (options.namespace !== undefined) return await printInstallation(options.namespace, options);
  const found = await status(resolve(options.dataDir));
  if (found.state !== "running") process.exitCode = 3;
  if (options.json === true) {
    say(JSON.stringify(found));
    return;
  }
  switch (found.state) {
    case "running":
      say(
        `homeplane runs on ${found.dataDir} (process ${found.endpoints.pid})\n  console       ${found.endpoints.controlPlane}`,
      );
      say(`  object store  ${found.endpoints.objectStore}\n  kubeconfig    ${found.endpoints.kubeconfig}`);
      break;
    case "stopped":
      say(`no homeplane runs on ${found.dataDir}; start one with \`homeplane up\``);
      break;
    default:
      say(`process ${found.pid} on ${found.dataDir} is ${found.state}`);
  }
}

/** Nothing to stop is what was wanted, not a failure. */
export async function runDown(options: { dataDir: string; json?: boolean }): Promise<void> {
  const dataDir = resolve(options.dataDir);
  const stopped = await down(dataDir);
  if (options.json === true) say(JSON.stringify({ state: "stopped", dataDir }));
  else say(stopped ? "stopped" : `no homeplane runs on ${dataDir}`);
}

export async function printVersion(options: { python?: string; json?: boolean }): Promise<void> {
  const flyte = await findPython(options.python).then(
    (found) => found.flyteVersion,
    () => undefined,
  );
  const versions = { homeplane: version, node: process.versions.node, flyte };
  const text = `homeplane ${version}\nnode ${versions.node}\nflyte ${flyte ?? "(not set up)"}`;
  say(options.json === true ? JSON.stringify(versions) : text);
}
