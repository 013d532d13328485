/** Prints a run's phases and log lines as they come, through the same RPCs that any client has. */
import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { isTerminal } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { DataProxyService } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import type { Action } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { pause, systemClock } from "@homeplane/runtime-kit";

export interface RunName {
  readonly project: string;
  readonly domain: string;
  readonly run: string;
}

const phaseNames = new Map(
  Object.entries(ActionPhase).map(([name, value]) => [value as number, name.toLowerCase().replaceAll("_", " ")]),
);

/** Resolves when the run has ended and all its logs are shown: true when it succeeded. */
export async function watchRun(controlPlane: string, name: RunName, signal: AbortSignal): Promise<boolean> {
  const transport = createConnectTransport({ baseUrl: controlPlane, httpVersion: "1.1" });
  const runs: Client<typeof RunService> = createClient(RunService, transport);
  const begun = Date.now();
  const print = (who: string, what: string): void => {
    const seconds = ((Date.now() - begun) / 1000).toFixed(1).padStart(5);
    process.stdout.write(`  ${seconds} s  ${who.padEnd(14)} ${what}\n`);
  };
  const names = new Map<string, string>();
  /** A watch tells every change of an action; only its phase is of interest here. */
  const shown = new Map<string, string>();
  const logs: Promise<void>[] = [];
  const watch = new AbortController();
  const runId = { project: name.project, domain: name.domain, name: name.run };
  try {
    for await (const { enrichedActions } of runs.watchActions(
      { runId },
      { signal: AbortSignal.any([signal, watch.signal]) },
    )) {
      for (const { action } of enrichedActions) {
        if (action === undefined) continue;
        const id = action.id?.name ?? "";
        const known = names.has(id);
        const who = names.get(id) ?? label(action, names.size);
        names.set(id, who);
        const state = describe(action);
        if (shown.get(id) !== state) print(who, state);
        shown.set(id, state);
        if (!known) logs.push(followLog(transport, runId, id, (line) => print(who, `| ${line}`), signal));
        if (id === "a0" && isTerminal(action.status?.phase ?? 0)) {
          await Promise.all(logs);
          return action.status?.phase === ActionPhase.SUCCEEDED;
        }
      }
    }
  } finally {
    watch.abort();
  }
  return false;
}

function label(action: Action, index: number): string {
  const spec = action.metadata?.spec;
  const name = spec?.case === "task" ? spec.value.shortName : (spec?.value?.name ?? "");
  return action.id?.name === "a0" ? name : `${name} ${index}`;
}

function describe({ status }: Action): string {
  const phase = phaseNames.get(status?.phase ?? 0) ?? "unknown";
  const attempt = (status?.attempts ?? 1) > 1 ? ` (attempt ${status?.attempts})` : "";
  const took =
    status?.startTime && status.endTime
      ? ` after ${((timestampMs(status.endTime) - timestampMs(status.startTime)) / 1000).toFixed(1)} s`
      : "";
  return `${phase}${attempt}${took}`;
}

/** The SDK says at every start and end of a task that it starts and ends; beside the phases that is noise. */
function isSdkChatter(line: string): boolean {
  return /^\[flyte\] WARNING Flyte runtime (started|completed) for action /.test(line);
}

/** Until there is a log it is asked for again: at most this many times. */
const logTries = 600;

async function followLog(
  transport: Transport,
  run: { project: string; domain: string; name: string },
  action: string,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = createClient(DataProxyService, transport);
  for (let tries = 0; tries < logTries && !signal.aborted; tries++) {
    try {
      for await (const { logs } of client.tailLogs({ actionId: { run, name: action }, attempt: 1 }, { signal })) {
        const messages = logs.flatMap(({ lines }) => lines.map(({ message }) => message.trimEnd()));
        for (const message of messages) if (!isSdkChatter(message)) print(message);
      }
      return;
    } catch (error) {
      if (!(error instanceof ConnectError) || error.code !== Code.NotFound) {
        if (!signal.aborted) print(`(log lost: ${error instanceof Error ? error.message : String(error)})`);
        return;
      }
      await pause(systemClock, 200, signal);
    }
  }
}
