/** Clients of a homeplane under measurement, and tasks that need no Python. */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { isTerminal } from "@homeplane/idl";
import type { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { httpTransport, KubeClient, loadKubeconfig, type Pod, pods } from "@homeplane/kube";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";

export const scope = { project: "flytesnacks", domain: "development" };
const namespace = "flytesnacks-development";

export type Clients = Awaited<ReturnType<typeof clientsOf>>;

export async function clientsOf(dataDir: string) {
  const endpoints = JSON.parse(await readFile(join(dataDir, "endpoints.json"), "utf8")) as { controlPlane: string };
  const api = httpTransport(await loadKubeconfig(join(dataDir, "kubeconfig")));
  const kube = new KubeClient({ transport: api, clock: systemClock, random: Math.random, log: silentLogger });
  return {
    kube,
    runs: createClient(RunService, over(endpoints.controlPlane)),
    controlPlane: endpoints.controlPlane,
    close: () => api.close(),
  };
}

export function over(baseUrl: string): Transport {
  return createConnectTransport({ baseUrl, httpVersion: "1.1" });
}

/** A program as a task; `cpu` beyond the machine's leaves it without a place for ever. */
export function programTask(
  args: readonly string[],
  { cpu = "100m" }: { cpu?: string } = {},
): MessageInitShape<typeof TaskSpecSchema> {
  return create(TaskSpecSchema, {
    shortName: "bench",
    taskTemplate: {
      id: { ...scope, org: "", name: "bench.task", version: "v1" },
      type: "container",
      target: {
        case: "container",
        value: { image: "bench", args: [...args], resources: { requests: [{ name: 1, value: cpu }] } },
      },
    },
  });
}

/** `inputUri`: of inputs that are stored already. */
export async function start(
  { runs }: Clients,
  spec: MessageInitShape<typeof TaskSpecSchema>,
  inputUri?: string,
): Promise<string> {
  const { run } = await runs.createRun(
    {
      id: { case: "projectId", value: { name: scope.project, domain: scope.domain } },
      task: { case: "taskSpec", value: create(TaskSpecSchema, spec) },
      ...(inputUri === undefined
        ? {}
        : { inputWrapper: { case: "offloadedInputData" as const, value: { uri: inputUri, inputsHash: "bench" } } }),
    },
    { headers: { "x-request-id": randomUUID() } },
  );
  return run?.action?.id?.run?.name ?? "";
}

export function actionId(run: string, name = "a0") {
  return { run: { ...scope, name: run }, name };
}

/** Watches as the SDK does; resolves when `done` says so of the phase. */
export async function watch(
  { runs }: Clients,
  run: string,
  done: (phase: ActionPhase) => boolean,
): Promise<ActionPhase> {
  for (;;) {
    for await (const { details } of runs.watchActionDetails({ actionId: actionId(run) })) {
      const phase = details?.status?.phase ?? 0;
      if (done(phase)) return phase;
    }
  }
}

export const ended = (phase: ActionPhase): boolean => isTerminal(phase);

/** The pod of a run's root, as soon as it is there. */
export async function podOf({ kube }: Clients, run: string): Promise<Pod> {
  for (;;) {
    const { items } = await kube.list(pods, { namespace, labelSelector: `flyte.org/run=${run},flyte.org/action=a0` });
    const [pod] = items;
    if (pod !== undefined) return pod;
    await wait(20);
  }
}

/** What `source <data dir>/env` gives a user, on top of this process' own environment. */
async function environmentOf(dataDir: string): Promise<Record<string, string>> {
  const lines = (await readFile(join(dataDir, "env"), "utf8")).split("\n");
  const pairs = lines.flatMap((line) => {
    const [, name, value] = /^export (\w+)='(.*)'$/.exec(line) ?? [];
    return name === undefined || value === undefined || name === "PATH" ? [] : [[name, value] as const];
  });
  return { ...(process.env as Record<string, string>), ...Object.fromEntries(pairs), HOME: dataDir };
}

export const python = join(import.meta.dirname, "../.tools/python/bin/python");

/** Runs a task of hello.py with the real SDK; resolves with the run's name when it has ended. */
export async function runHello(dataDir: string, task: string): Promise<string> {
  const env = await environmentOf(dataDir);
  const { stdout } = await promisify(execFile)(python, ["hello.py", task], { cwd: import.meta.dirname, env });
  return stdout.trim().split("\n").at(-1) ?? "";
}
