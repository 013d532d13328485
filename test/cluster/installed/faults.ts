/** What breaks under way on a cluster, and what must not: nothing lost, nothing run twice, true times afterwards. */
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { expect, test } from "vitest";
import { eventually } from "../../sdk/eventually.ts";
import { components, controlPlaneNamespace, dataPlaneNamespace, install } from "./install.ts";
import type { InstalledHomeplane } from "./installed-homeplane.ts";
import { kubectl } from "./kubectl.ts";
import { restartDaemon } from "./restart-daemon.ts";

const namespace = "flytesnacks-development";
const children = 50;
/** Past the moment at which a connection would be given up, and several tries. Ten minutes, where somebody has them: AWAY_MS=600000. */
const awayMs = Number(process.env["AWAY_MS"] ?? 30_000);

export function faultPromises(homeplane: () => InstalledHomeplane, image: () => string): void {
  const start = (name: string) => homeplane().startFeature(name, {}, "on_cluster.py");
  const k = (...args: string[]) => kubectl(homeplane().cluster, args);

  interface Seen {
    readonly metadata: { readonly name: string; readonly uid: string };
    readonly spec: { readonly actionName: string };
    readonly status?: {
      readonly attempts?: number;
      readonly systemFailures?: number;
      readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
    };
  }
  /** As they stand in the cluster, whatever the control plane knows. */
  const taskActions = async (run: string): Promise<readonly Seen[]> =>
    (
      JSON.parse(await k("get", "taskactions", "-n", namespace, "-l", `flyte.org/run=${run}`, "-o", "json")) as {
        items: Seen[];
      }
    ).items;
  const reason = ({ status }: Seen): string | undefined =>
    status?.conditions?.find(({ type }) => type === "Progressing")?.reason;
  const untilInCluster = (what: string, run: string, ready: (found: readonly Seen[]) => boolean) =>
    eventually(what, 600_000, async () => {
      const found = await taskActions(run).catch(() => []);
      return ready(found) && found;
    });
  const midway = (run: string, ended = 5) =>
    untilInCluster(
      "some children have ended",
      run,
      (all) => all.filter((one) => reason(one) === "Completed").length >= ended,
    );

  /** Ended well, each child once; `started` counts the pods by their logs' first line. */
  async function endsRight(run: string, { systemFailures = false } = {}): Promise<void> {
    await eventually("the run has ended", 600_000, async () => {
      const { status } = await homeplane().details(run);
      return status?.endTime !== undefined;
    });
    expect((await homeplane().details(run)).status?.phase).toBe(ActionPhase.SUCCEEDED);
    const actions = await homeplane().actions(run);
    expect(actions).toHaveLength(children + 1);
    expect(actions.filter(({ status }) => status?.phase !== ActionPhase.SUCCEEDED)).toEqual([]);
    expect(actions.filter(({ status }) => status?.attempts !== 1)).toEqual([]);
    if (!systemFailures) {
      const again = (await taskActions(run)).filter(({ status }) => (status?.systemFailures ?? 0) > 0);
      expect(again.map(({ metadata }) => metadata.name)).toEqual([]);
    }
  }

  test("with the control plane away, a parent starts its waves of children and ends; afterwards everything is told, with its true times", async () => {
    const run = await start("waves");
    await midway(run, 1);
    const away = Date.now();
    await k("scale", "-n", controlPlaneNamespace, "deployment/control-plane", "--replicas=0");
    await k(
      "wait",
      "-n",
      controlPlaneNamespace,
      "--for=delete",
      "pod",
      "-l",
      "app.kubernetes.io/name=control-plane",
      "--timeout=60s",
    );
    await untilInCluster("the parent has ended", run, (all) =>
      all.some((one) => one.spec.actionName === "a0" && reason(one) === "Completed"),
    );
    await new Promise((resolve) => setTimeout(resolve, awayMs));
    const back = Date.now();
    await k("scale", "-n", controlPlaneNamespace, "deployment/control-plane", "--replicas=1");
    await k("rollout", "status", "-n", controlPlaneNamespace, "deployment/control-plane", "--timeout=120s");
    await homeplane().forward.restart();
    await endsRight(run);
    const { status } = await homeplane().details(run);
    const endedAt = Number(status?.endTime?.seconds ?? 0n) * 1000;
    expect(endedAt).toBeGreaterThan(away - 1000);
    expect(endedAt).toBeLessThan(back - awayMs + 5_000);
  });

  test("the API server is killed and comes back", async () => {
    const run = await start("waves");
    await midway(run);
    await restartDaemon("kube-apiserver");
    // kubectl went through it.
    await homeplane().forward.restart();
    await endsRight(run);
  });

  test("the kubelet is killed and comes back", async () => {
    const run = await start("waves");
    await midway(run);
    await restartDaemon("kubelet");
    // kubectl went through it.
    await homeplane().forward.restart();
    await endsRight(run);
  });

  test("the executor is killed, twice", async () => {
    const run = await start("waves");
    for (const ended of [3, 20]) {
      await midway(run, ended);
      await k(
        "delete",
        "pod",
        "-n",
        dataPlaneNamespace,
        "-l",
        "app.kubernetes.io/name=executor",
        "--force",
        "--grace-period=0",
      );
    }
    await endsRight(run);
  });

  test("helm upgrade under running tasks restarts none of them", async () => {
    const run = await start("long_waves");
    await untilInCluster("ten of them run", run, (all) => all.filter((one) => reason(one) === "Executing").length > 10);
    const stamp = { example: `upgrade-${Date.now()}` };
    await install(homeplane().cluster, image(), {
      components: Object.fromEntries(components.map((name) => [name, { podAnnotations: stamp }])),
    });
    await endsRight(run);
  });
}
