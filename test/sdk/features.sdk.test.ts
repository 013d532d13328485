/** What the unmodified SDK does against homeplane as a user starts it: one promise a test. */
import { spawn, spawnSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ArtifactType } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { ErrorInfo_Kind } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasPython, sdks, TestHomeplane } from "./homeplane.ts";
import { processesOf } from "./processes.ts";

const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;

describe.skipIf(!hasPython).each(sdks)("the flyte SDK $version", { timeout: 120_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());

  test("runs its built-in hello, and the CLI follows it to the end", async () => {
    // 2.5.8 brings no example of its own: the same, a map and a result, from a file.
    const hello = sdk.version === "2.5.8" ? ["features.py", "map_squares", "--n", "5"] : ["hello"];
    const { code, stdout, stderr } = await homeplane.flyte(["run", "--follow", ...hello]);
    expect(code, stdout + stderr).toBe(0);
    const run = /runs\/(r[a-z2-7]+)/.exec(stdout)?.[1] ?? "";
    expect((await homeplane.details(run)).status?.phase).toBe(ActionPhase.SUCCEEDED);
    const actions = await homeplane.actions(run);
    expect(actions.length).toBeGreaterThan(1);
    expect(actions.every((action) => action.status?.phase === ActionPhase.SUCCEEDED)).toBe(true);
  });

  test("gathers children", async () => {
    const { run, phase, outputs } = await homeplane.feature("gather");
    expect({ phase, outputs }).toEqual({ phase: "ActionPhase.SUCCEEDED", outputs: [30] });
    const children = (await homeplane.actions(run)).filter((action) => action.metadata?.parent === "a0");
    expect(children).toHaveLength(5);
    expect(
      children.every(
        (child) => child.metadata?.spec.case === "task" && child.metadata.spec.value.id?.name === "features.square",
      ),
    ).toBe(true);
  });

  test("maps over 20", async () => {
    const { outputs } = await homeplane.feature("map");
    expect(outputs).toEqual([Array.from({ length: 20 }, (_, i) => i * i)]);
  });

  test("nests tasks in tasks", async () => {
    expect((await homeplane.feature("nested")).outputs).toEqual([3]);
  });

  test("retries to success, with each attempt's error and log kept", async () => {
    const { run, outputs } = await homeplane.feature("retry");
    expect(outputs).toEqual(["attempt 3"]);
    const { attempts, status } = await homeplane.details(run);
    expect(status?.attempts).toBe(3);
    expect(attempts.map(({ attempt, phase }) => [attempt, phase])).toEqual([
      [1, ActionPhase.FAILED],
      [2, ActionPhase.FAILED],
      [3, ActionPhase.SUCCEEDED],
    ]);
    for (const n of [1, 2]) {
      const error = attempts[n - 1]?.errorInfo;
      expect(error?.kind).toBe(ErrorInfo_Kind.USER);
      expect(error?.message).toContain(`attempt ${n} fails`);
    }
    for (const n of [1, 2, 3]) {
      const text = (await homeplane.log(run, "a0", n)).map((line) => line.text).join("");
      expect(text).toContain(`this is attempt ${n}\n`);
    }
  });

  test("does not retry what is non-recoverable", async () => {
    const { run, phase } = await homeplane.feature("non_recoverable");
    expect(phase).toBe("ActionPhase.FAILED");
    const { status, result } = await homeplane.details(run);
    expect(status?.attempts).toBe(1);
    expect(result.case === "errorInfo" && result.value.message).toContain("never again");
  });

  test("shows an import error", async () => {
    const { run, phase } = await homeplane.feature("import_error");
    expect(phase).toBe("ActionPhase.FAILED");
    const { result } = await homeplane.details(run);
    expect(result.case === "errorInfo" && result.value.message).toContain("no_such_module_anywhere");
  });

  test("shows an exit code and the log's last words, after the retry that was asked for", async () => {
    const { run, phase } = await homeplane.feature("exits");
    expect(phase).toBe("ActionPhase.FAILED");
    const { attempts } = await homeplane.details(run);
    expect(attempts.map((attempt) => attempt.errorInfo?.code)).toEqual(["ExitCode7", "ExitCode7"]);
    expect(attempts[0]?.errorInfo?.message).toContain("about to leave");
  });

  test("passes a File from task to task through the object store", async () => {
    expect((await homeplane.feature("files")).outputs).toEqual(["through the object store"]);
  });

  test("keeps a report and hands it out by a signed link", async () => {
    const { run } = await homeplane.feature("report");
    const source = { case: "actionAttemptId" as const, value: { actionId: homeplane.actionId(run), attempt: 1 } };
    const { preSignedUrls } = await homeplane.data.createDownloadLink({ artifactType: ArtifactType.REPORT, source });
    const answer = await fetch(preSignedUrls?.signedUrl[0] ?? "");
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("a report of its own");
  });

  test("shows log lines while the task runs, and the same bytes afterwards", async () => {
    const run = await homeplane.startFeature("ticks");
    await eventually(
      "the log is there",
      20_000,
      async () => (await homeplane.details(run)).attempts[0]?.logsAvailable === true,
    );
    const live = await homeplane.log(run);
    const ticks = live.filter((line) => line.text.startsWith("tick "));
    expect(ticks.map((line) => line.text)).toEqual(Array.from({ length: 10 }, (_, i) => `tick ${i}\n`));
    // Ten lines, 0.2 s apart: read at the end they would come together.
    expect((ticks.at(-1)?.at ?? 0) - (ticks[0]?.at ?? 0)).toBeGreaterThan(500);
    await eventually(
      "the run's end",
      20_000,
      async () => (await homeplane.details(run)).status?.phase === ActionPhase.SUCCEEDED,
    );
    const text = (lines: readonly { text: string }[]): string => lines.map((line) => line.text).join("");
    expect(text(await homeplane.log(run))).toBe(text(live));
  });

  test("aborts a running tree and leaves no process behind", async () => {
    const run = await homeplane.startFeature("family");
    const sleeping = await eventually("three children sleep", 30_000, async () => {
      const actions = await homeplane.actions(run);
      const running = actions.filter((action) => action.status?.phase === ActionPhase.RUNNING);
      return running.length === 4 && (await processesOf(run)).length >= 4 ? actions : undefined;
    });
    expect(sleeping).toHaveLength(4);
    await homeplane.runs.abortRun({ runId: homeplane.actionId(run).run, reason: "changed my mind" });
    await eventually("all are aborted", 30_000, async () =>
      (await homeplane.actions(run)).every((action) => action.status?.phase === ActionPhase.ABORTED),
    );
    expect(await processesOf(run)).toEqual([]);
    const { result } = await homeplane.details(run);
    expect(result.case === "abortInfo" && result.value.reason).toBe("changed my mind");
  });

  test("starts a task that was killed anew, at the cost of no retry, and keeps both logs", async () => {
    const { run, outputs } = await homeplane.feature("killed_once", { FLAG: join(homeplane.dataDir, "killed-once") });
    expect(outputs).toEqual(["second life"]);
    const { status, attempts } = await homeplane.details(run);
    expect(status?.attempts).toBe(1);
    expect(attempts).toHaveLength(1);
    const text = (await homeplane.log(run)).map((line) => line.text).join("");
    expect(text).toContain("about to be killed\n");
    expect(text.match(/Flyte runtime started/g)).toHaveLength(2);
  });

  test("records traces beside their task", async () => {
    const { run, outputs } = await homeplane.feature("traced");
    expect(outputs).toEqual([6]);
    const traces = (await homeplane.actions(run)).filter((action) => action.metadata?.spec.case === "trace");
    expect(traces).toHaveLength(3);
  });

  test("shows what a failed trace raised", async () => {
    const { run, outputs } = await homeplane.feature("traced_badly");
    expect(outputs).toEqual(["caught: step 7 went wrong"]);
    const trace = await eventually("the trace is reported", 10_000, async () =>
      (await homeplane.actions(run)).find((action) => action.metadata?.spec.case === "trace"),
    );
    const { status, result } = await eventually("its end is reported", 10_000, async () => {
      const details = await homeplane.details(run, trace.id?.name);
      return details.status?.phase === ActionPhase.FAILED ? details : undefined;
    });
    expect(status?.phase).toBe(ActionPhase.FAILED);
    expect(result.case === "errorInfo" && result.value.message).toContain("step 7 went wrong");
  });

  test("survives a task that prints binary", async () => {
    const { run, outputs } = await homeplane.feature("binary");
    expect(outputs).toEqual(["printed"]);
    const text = (await homeplane.log(run)).map((line) => line.text).join("");
    expect(text).toContain("no newline at the end");
  });

  test("answers the CLI's questions: projects, runs, actions, data, logs, and tasks that were deployed and run by name", async () => {
    const { run } = await homeplane.feature("plain");
    for (const args of [
      ["get", "project"],
      ["get", "run"],
      ["get", "action", run],
      ["get", "io", run],
      ["get", "logs", run],
      ["deploy", "features.py", "env"],
      ["get", "task"],
      ["get", "task", "features.plain"],
      ["run", "--follow", "deployed-task", "features.plain"],
    ]) {
      const { code, stdout, stderr } = await homeplane.flyte(args);
      expect(code, `flyte ${args.join(" ")}\n${stdout}${stderr}`).toBe(0);
    }
  });

  test.skipIf(!hasKubectl)("shows its life to kubectl get taskactions -A -w as it happens", async () => {
    const kubectl = spawn("kubectl", [
      "--kubeconfig",
      homeplane.endpoints.kubeconfig,
      "get",
      "taskactions",
      "-A",
      "-w",
      "--no-headers",
    ]);
    let shown = "";
    kubectl.stdout.on("data", (chunk: Buffer) => {
      shown += chunk.toString();
    });
    try {
      const { run } = await homeplane.feature("gather");
      const statuses = (action: string): string[] => {
        const rows = shown
          .split("\n")
          .map((line) => line.split(/\s+/))
          .filter(([, , ofRun, name]) => ofRun === run && name === action);
        return rows.map(([, , , , , status = ""]) => status).filter((status, index, all) => status !== all[index - 1]);
      };
      await eventually("kubectl shows the end", 10_000, async () => statuses("a0").at(-1) === "Completed");
      expect(statuses("a0").slice(-2)).toEqual(["Executing", "Completed"]);
    } finally {
      kubectl.kill();
    }
  });

  test.skipIf(!hasKubectl)("tells kubectl describe why an action failed, and why one waits", async () => {
    const describeRun = (run: string): string => {
      const selection = ["-n", "flytesnacks-development", "-l", `flyte.org/run=${run}`];
      const args = ["--kubeconfig", homeplane.endpoints.kubeconfig, "describe", "taskactions", ...selection];
      return spawnSync("kubectl", args, { encoding: "utf8" }).stdout;
    };
    const { run } = await homeplane.feature("non_recoverable");
    expect(describeRun(run)).toMatch(/Message: +.*never again/);
    const waits = await homeplane.startFeature("never_placed", {}, "limits.py");
    await eventually("it is told", 30_000, async () => /Message: +.*64 of cpu/.test(describeRun(waits)));
    await homeplane.runs.abortRun({ runId: homeplane.actionId(waits).run, reason: "seen" });
  });

  test("lays data out in the buckets as documented", async () => {
    const { run } = await homeplane.feature("gather");
    const base = join(homeplane.dataDir, "objects/homeplane-metadata/homeplane/flytesnacks/development", run);
    expect(await readdir(join(base, "inputs"))).toEqual(["inputs.pb"]);
    expect(await readdir(join(base, "a0/1"))).toEqual(expect.arrayContaining(["outputs.pb", "logs"]));
    const bundles = join(homeplane.dataDir, "objects/homeplane-fast-registration/homeplane/flytesnacks/development");
    expect((await readdir(bundles)).length).toBeGreaterThan(0);
  });
});
