/** `kill -9` of homeplane while tasks run: the next start goes on where it was. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { type TaskAction, taskActions } from "@homeplane/idl";
import { httpTransport, KubeClient, loadKubeconfig, type ResourceType } from "@homeplane/kube";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { describe, expect, test } from "vitest";
import { eventually, hasPython, TestHomeplane } from "./homeplane.ts";
import { processesOf } from "./processes.ts";

/** Over HTTPS with the kubeconfig, as kubectl would. */
async function taskActionsOf(kubeconfig: string): Promise<TaskAction[]> {
  const type: ResourceType<TaskAction> = taskActions;
  const transport = httpTransport(await loadKubeconfig(kubeconfig));
  try {
    const common = { clock: systemClock, random: Math.random, log: silentLogger };
    return (await new KubeClient({ transport, ...common }).list(type)).items;
  } finally {
    await transport.close();
  }
}

describe.skipIf(!hasPython)("after kill -9 of homeplane in mid-run", { timeout: 120_000 }, () => {
  test("the run ends right: finished children are not run again, the parent's attempt is not used up", async () => {
    await using homeplane = await TestHomeplane.start();
    const flag = join(homeplane.dataDir, "flag");
    const run = await homeplane.startFeature("half_done", { FLAG: flag });
    await eventually("three children have ended", 30_000, async () => {
      const done = (await homeplane.actions(run)).filter((action) => action.status?.phase === ActionPhase.SUCCEEDED);
      return done.length === 3;
    });
    await homeplane.stop("SIGKILL");
    const survivors = await processesOf(run);
    expect(survivors.length).toBeGreaterThan(0);

    await homeplane.up();
    const { status, attempts } = await homeplane.details(run);
    expect(status?.phase).not.toBe(ActionPhase.FAILED);
    expect(attempts.length).toBe(1);
    await eventually(
      "the survivors are ended",
      30_000,
      async () => !(await processesOf(run)).some((pid) => survivors.includes(pid)),
    );
    await writeFile(flag, "");
    await eventually(
      "the run succeeds",
      60_000,
      async () => (await homeplane.details(run)).status?.phase === ActionPhase.SUCCEEDED,
    );

    const actions = await homeplane.actions(run);
    expect(actions).toHaveLength(4);
    expect((await homeplane.details(run)).status?.attempts).toBe(1);
    const listed = await taskActionsOf(homeplane.endpoints.kubeconfig);
    const systemFailures = Object.fromEntries(
      listed.map(({ spec, status: s }) => [spec.actionName === "a0" ? "a0" : "child", s?.systemFailures ?? 0]),
    );
    expect(systemFailures).toEqual({ a0: 1, child: 0 });
  });

  test("what was accepted and had not started runs", async () => {
    await using homeplane = await TestHomeplane.start();
    const run = await homeplane.startFeature("gather");
    await homeplane.stop("SIGKILL");
    await homeplane.up();
    await eventually(
      "the run succeeds",
      60_000,
      async () => (await homeplane.details(run)).status?.phase === ActionPhase.SUCCEEDED,
    );
  });
});
