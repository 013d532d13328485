/** `kill -9` of homeplane while tasks run: the next start goes on where it was. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { type TaskAction, taskActions } from "@homeplane/idl";
import { httpTransport, KubeClient, loadKubeconfig, type ResourceType } from "@homeplane/kube";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { describe, expect, test } from "vitest";
import { eventually, hasPython, sdks, TestHomeplane } from "./homeplane.ts";
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

/** How often a child's task began, by the file that it writes: its number is its input. */
async function begunBy(homeplane: TestHomeplane, run: string, action: string, folder: string): Promise<number> {
  const { inputs } = await homeplane.data.getActionData({ actionId: homeplane.actionId(run, action) });
  const value = inputs?.literals.find(({ name }) => name === "child")?.value?.value;
  const scalar = value?.case === "scalar" ? value.value.value : undefined;
  const primitive = scalar?.case === "primitive" ? scalar.value.value : undefined;
  if (primitive?.case !== "integer") throw new Error(`no input of ${action}`);
  const text = await readFile(join(folder, String(primitive.value)), "utf8");
  return text.split("\n").filter((line) => line === "began").length;
}

describe.skipIf(!hasPython).each(sdks)(
  "after kill -9 of homeplane in mid-run, flyte $version",
  { timeout: 300_000 },
  (sdk) => {
    test("again and again, a run with 20 children ends right, and none runs twice that had finished", async () => {
      await using homeplane = await TestHomeplane.start({ sdk });
      const folder = join(homeplane.dataDir, "tales");
      await mkdir(folder);
      const run = await homeplane.startFeature("tell_tale", { FOLDER: folder }, "recovery.py");
      /** Those that were told to have succeeded before a kill, and how often they had begun by then. */
      const finished = new Map<string, number>();
      const children = async () => (await homeplane.actions(run)).filter(({ id }) => id?.name !== "a0");
      // Three kills, as many as the attempt of the parent survives: as the first child begins, half-way, and with all of them done.
      for (const { count, word } of [
        { count: 1, word: "began" },
        { count: 10, word: "ended" },
        { count: 20, word: "ended" },
      ]) {
        await eventually(`${count} ${word}`, 120_000, async () => {
          const lines = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), "utf8")));
          return lines.filter((text) => text.includes(word)).length >= count;
        });
        for (const { id, status, metadata } of await children()) {
          const name = id?.name ?? "";
          if (status?.phase !== ActionPhase.SUCCEEDED || finished.has(name)) continue;
          expect(metadata?.spec.case).toBe("task");
          finished.set(name, await begunBy(homeplane, run, name, folder));
        }
        await homeplane.stop("SIGKILL");
        await homeplane.up();
      }
      await writeFile(join(folder, "go"), "");
      await eventually("the run succeeds", 120_000, async () => {
        const { status, result } = await homeplane.details(run);
        if (result.case === "errorInfo") throw new Error(result.value.message);
        return status?.phase === ActionPhase.SUCCEEDED;
      });
      const { outputs } = await homeplane.data.getActionData({ actionId: homeplane.actionId(run) });
      expect(
        JSON.stringify(outputs, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value)),
      ).toContain('"value":190');

      const all = await children();
      expect(all).toHaveLength(20);
      expect(all.every(({ status }) => status?.phase === ActionPhase.SUCCEEDED)).toBe(true);
      expect((await homeplane.details(run)).status?.attempts).toBe(1);
      expect(finished.size).toBeGreaterThanOrEqual(10);
      const rerun: string[] = [];
      for (const [name, times] of finished)
        if ((await begunBy(homeplane, run, name, folder)) !== times) rerun.push(name);
      expect(rerun).toEqual([]);
      for (const { id } of all) expect(await begunBy(homeplane, run, id?.name ?? "", folder)).toBeLessThanOrEqual(4);
      expect(await processesOf(run)).toEqual([]);
    });

    test("the run ends right: finished children are not run again, the parent's attempt is not used up", async () => {
      await using homeplane = await TestHomeplane.start({ sdk });
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
      await using homeplane = await TestHomeplane.start({ sdk });
      const run = await homeplane.startFeature("gather");
      await homeplane.stop("SIGKILL");
      await homeplane.up();
      await eventually(
        "the run succeeds",
        60_000,
        async () => (await homeplane.details(run)).status?.phase === ActionPhase.SUCCEEDED,
      );
    });
  },
);
