import { phaseOf, type TaskAction, taskActions, terminalPhase } from "@homeplane/idl";
import type { KubeClient } from "@homeplane/kube";

export interface WaitingAction {
  readonly namespace: string;
  readonly name: string;
  readonly phase: string;
  /** What it waits for, as `kubectl describe taskaction` has it. */
  readonly message: string;
}

export interface ActionCounts {
  readonly running: number;
  readonly waiting: number;
  /** Those that say what they wait for, at most {@link most} of them. */
  readonly told: readonly WaitingAction[];
}

const most = 20;

export async function actionCounts(client: KubeClient): Promise<ActionCounts> {
  let running = 0;
  let waiting = 0;
  const told: WaitingAction[] = [];
  for await (const { items } of client.listPages<TaskAction>(taskActions)) {
    for (const action of items) {
      if (terminalPhase(action) !== undefined) continue;
      const phase = phaseOf(action);
      if (phase === "RUNNING") running++;
      else waiting++;
      const { name, namespace = "" } = action.metadata;
      const message = action.status?.conditions?.find(({ type }) => type === "Progressing")?.message ?? "";
      if (phase !== "RUNNING" && message !== "" && told.length < most) told.push({ namespace, name, phase, message });
    }
  }
  return { running, waiting, told };
}
