/** What the unmodified SDK does with any homeplane: one promise a test. The tests of the embedded default and those of a cluster ask the same. */
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ArtifactType } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { ErrorInfo_Kind } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { expect, test } from "vitest";
import { eventually } from "./eventually.ts";
import type { Sdk, SdkClient } from "./sdk-client.ts";

/** Called inside a `describe`; `client` is asked when a test runs. `fetchObject` gets a presigned URL. */
export function featurePromises(
  sdk: Sdk,
  client: () => SdkClient,
  fetchObject: (url: string) => Promise<Response> = fetch,
): void {
  test("runs its built-in hello, and the CLI follows it to the end", async () => {
    // 2.5.8 brings no example of its own: the same, a map and a result, from a file.
    const hello = sdk.version === "2.5.8" ? ["features.py", "map_squares", "--n", "5"] : ["hello"];
    const { code, stdout, stderr } = await client().flyte(["run", "--follow", ...hello]);
    expect(code, stdout + stderr).toBe(0);
    const run = /runs\/(r[a-z2-7]+)/.exec(stdout)?.[1] ?? "";
    expect((await client().details(run)).status?.phase).toBe(ActionPhase.SUCCEEDED);
    const actions = await client().actions(run);
    expect(actions.length).toBeGreaterThan(1);
    expect(actions.every((action) => action.status?.phase === ActionPhase.SUCCEEDED)).toBe(true);
  });

  test("gathers children", async () => {
    const { run, phase, outputs } = await client().feature("gather");
    expect({ phase, outputs }).toEqual({ phase: "ActionPhase.SUCCEEDED", outputs: [30] });
    const children = (await client().actions(run)).filter((action) => action.metadata?.parent === "a0");
    expect(children).toHaveLength(5);
    expect(
      children.every(
        (child) => child.metadata?.spec.case === "task" && child.metadata.spec.value.id?.name === "features.square",
      ),
    ).toBe(true);
  });

  test("maps over 20", async () => {
    const { outputs } = await client().feature("map");
    expect(outputs).toEqual([Array.from({ length: 20 }, (_, i) => i * i)]);
  });

  test("nests tasks in tasks", async () => {
    expect((await client().feature("nested")).outputs).toEqual([3]);
  });

  test("retries to success, with each attempt's error and log kept", async () => {
    const { run, outputs } = await client().feature("retry");
    expect(outputs).toEqual(["attempt 3"]);
    const { attempts, status } = await client().details(run);
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
      const text = (await client().log(run, "a0", n)).map((line) => line.text).join("");
      expect(text).toContain(`this is attempt ${n}\n`);
    }
  });

  test("does not retry what is non-recoverable", async () => {
    const { run, phase } = await client().feature("non_recoverable");
    expect(phase).toBe("ActionPhase.FAILED");
    const { status, result } = await client().details(run);
    expect(status?.attempts).toBe(1);
    expect(result.case === "errorInfo" && result.value.message).toContain("never again");
  });

  test("shows an import error", async () => {
    const { run, phase } = await client().feature("import_error");
    expect(phase).toBe("ActionPhase.FAILED");
    const { result } = await client().details(run);
    expect(result.case === "errorInfo" && result.value.message).toContain("no_such_module_anywhere");
  });

  test("shows an exit code and the log's last words, after the retry that was asked for", async () => {
    const { run, phase } = await client().feature("exits");
    expect(phase).toBe("ActionPhase.FAILED");
    const { attempts } = await client().details(run);
    expect(attempts.map((attempt) => attempt.errorInfo?.code)).toEqual(["ExitCode7", "ExitCode7"]);
    expect(attempts[0]?.errorInfo?.message).toContain("about to leave");
  });

  test("passes a File from task to task through the object store", async () => {
    expect((await client().feature("files")).outputs).toEqual(["through the object store"]);
  });

  test("keeps a report and hands it out by a signed link", async () => {
    const { run } = await client().feature("report");
    const source = { case: "actionAttemptId" as const, value: { actionId: client().actionId(run), attempt: 1 } };
    const { preSignedUrls } = await client().data.createDownloadLink({ artifactType: ArtifactType.REPORT, source });
    const answer = await fetchObject(preSignedUrls?.signedUrl[0] ?? "");
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("a report of its own");
  });

  test("shows log lines while the task runs, and the same bytes afterwards", async () => {
    const run = await client().startFeature("ticks");
    await eventually(
      "the log is there",
      20_000,
      async () => (await client().details(run)).attempts[0]?.logsAvailable === true,
    );
    const live = await client().log(run);
    const ticks = live.filter((line) => line.text.startsWith("tick "));
    expect(ticks.map((line) => line.text)).toEqual(Array.from({ length: 10 }, (_, i) => `tick ${i}\n`));
    // Ten lines, 0.2 s apart: read at the end they would come together.
    expect((ticks.at(-1)?.at ?? 0) - (ticks[0]?.at ?? 0)).toBeGreaterThan(500);
    await eventually(
      "the run's end",
      20_000,
      async () => (await client().details(run)).status?.phase === ActionPhase.SUCCEEDED,
    );
    const text = (lines: readonly { text: string }[]): string => lines.map((line) => line.text).join("");
    expect(text(await client().log(run))).toBe(text(live));
  });

  test("records traces beside their task", async () => {
    const { run, outputs } = await client().feature("traced");
    expect(outputs).toEqual([6]);
    const traces = (await client().actions(run)).filter((action) => action.metadata?.spec.case === "trace");
    expect(traces).toHaveLength(3);
  });

  test("shows what a failed trace raised", async () => {
    const { run, outputs } = await client().feature("traced_badly");
    expect(outputs).toEqual(["caught: step 7 went wrong"]);
    const trace = await eventually("the trace is reported", 10_000, async () =>
      (await client().actions(run)).find((action) => action.metadata?.spec.case === "trace"),
    );
    const { status, result } = await eventually("its end is reported", 10_000, async () => {
      const details = await client().details(run, trace.id?.name);
      return details.status?.phase === ActionPhase.FAILED ? details : undefined;
    });
    expect(status?.phase).toBe(ActionPhase.FAILED);
    expect(result.case === "errorInfo" && result.value.message).toContain("step 7 went wrong");
  });

  test("survives a task that prints binary", async () => {
    const { run, outputs } = await client().feature("binary");
    expect(outputs).toEqual(["printed"]);
    const text = (await client().log(run)).map((line) => line.text).join("");
    expect(text).toContain("no newline at the end");
  });

  test("answers the CLI's questions: projects, runs, actions, data, logs, and tasks that were deployed and run by name", async () => {
    const { run } = await client().feature("plain");
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
      const { code, stdout, stderr } = await client().flyte(args);
      expect(code, `flyte ${args.join(" ")}\n${stdout}${stderr}`).toBe(0);
    }
  });
}
