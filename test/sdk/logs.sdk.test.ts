/** Logs as users meet them: complete, with times, live and afterwards; and whoever follows one gets to its end, whatever happens. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { Code } from "@connectrpc/connect";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasPython, type Sdk, sdks, TestHomeplane } from "./homeplane.ts";

const MIB = 1024 * 1024;

interface Line {
  readonly text: string;
  readonly atMs: number;
}

async function tail(homeplane: TestHomeplane, run: string, attempt = 1, signal?: AbortSignal): Promise<Line[]> {
  const lines: Line[] = [];
  const request = { actionId: homeplane.actionId(run), attempt };
  for await (const { logs } of homeplane.data.tailLogs(request, signal === undefined ? {} : { signal })) {
    for (const entry of logs)
      for (const { message, timestamp } of entry.lines)
        lines.push({ text: message, atMs: Number(timestamp?.seconds ?? 0n) * 1000 + (timestamp?.nanos ?? 0) / 1e6 });
  }
  return lines;
}

/** Reads on in the background: `seen` grows, `ended` settles with the stream. */
function follow(homeplane: TestHomeplane, run: string): { readonly seen: () => string; readonly ended: Promise<void> } {
  let seen = "";
  const read = async (): Promise<void> => {
    const request = { actionId: homeplane.actionId(run), attempt: 1 };
    for await (const { logs } of homeplane.data.tailLogs(request, { signal: AbortSignal.timeout(90_000) }))
      for (const { lines } of logs) for (const { message } of lines) seen += message;
  };
  return { seen: () => seen, ended: read() };
}

const textOf = (lines: readonly Line[]): string => lines.map(({ text }) => text).join("");

const phaseOf = async (homeplane: TestHomeplane, run: string): Promise<ActionPhase | undefined> =>
  (await homeplane.details(run)).status?.phase;

describe.skipIf(!hasPython)("logs", { timeout: 180_000 }, () => {
  let homeplane: TestHomeplane;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start();
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());

  const start = (name: string, env: Record<string, string> = {}): Promise<string> =>
    homeplane.startFeature(name, env, "logs.py");
  const ended = (run: string): Promise<ActionPhase> =>
    eventually("the run's end", 60_000, async () => {
      const phase = await phaseOf(homeplane, run);
      return phase !== undefined && phase >= ActionPhase.SUCCEEDED ? phase : undefined;
    });
  const hasLog = (run: string): Promise<true> =>
    eventually(
      "the log is there",
      60_000,
      async () => (await homeplane.details(run)).attempts[0]?.logsAvailable === true,
    );

  test("200,000 lines printed at once are all there, in order, with times that do not go back, live and afterwards", async () => {
    const run = await start("flood");
    await hasLog(run);
    const live = await tail(homeplane, run);
    await ended(run);
    const after = await tail(homeplane, run);
    for (const lines of [live, after]) {
      const numbers = lines.flatMap(({ text }) => /^line (\d+) x{60}\n$/.exec(text)?.[1] ?? []).map(Number);
      expect(numbers.length).toBe(200_000);
      expect(numbers.every((number, i) => number === i)).toBe(true);
      expect(lines.every(({ atMs }, i) => atMs > 0 && atMs >= (lines[i - 1]?.atMs ?? 0))).toBe(true);
    }
    expect(textOf(after)).toBe(textOf(live));
  });

  test("a line of 5 MiB without an end is there whole, cut for the wire", async () => {
    const run = await start("one_long_line");
    await ended(run);
    const lines = await tail(homeplane, run);
    // A line of stderr may come between two pieces of it, as on any node.
    for (const letter of "abcde") {
      const runs = lines.flatMap(({ text }) => text.match(new RegExp(`${letter}{1000,}`, "g")) ?? []);
      expect(runs.reduce((sum, run) => sum + run.length, 0)).toBe(MIB);
    }
    expect(lines.every(({ text }) => text.endsWith("\n") && text.length <= 300 * 1024)).toBe(true);
  });

  test("bytes that are no text break nothing, and what is after the last newline is not lost", async () => {
    const run = await start("binary");
    await ended(run);
    const text = textOf(await tail(homeplane, run));
    expect(text).toContain("before\n");
    expect(text).toContain("ABCDEFGHIJ");
    expect(text).toContain("no newline at the end \u{fffd}\n");
  });

  test("each attempt has its own log, while the next runs and afterwards", async () => {
    const run = await start("attempts");
    await ended(run);
    for (const attempt of [1, 2, 3]) {
      const text = textOf(await tail(homeplane, run, attempt));
      expect(text.match(/words of attempt \d/g)).toEqual([`words of attempt ${attempt}`]);
    }
    await expect(tail(homeplane, run, 4)).rejects.toMatchObject({ code: Code.NotFound });
  });

  test("a follower gets to the end when the run is aborted, and has what was said", async () => {
    const run = await start("sleeper");
    await hasLog(run);
    const following = follow(homeplane, run);
    await eventually("it sleeps", 30_000, async () => following.seen().includes("asleep\n"));
    await homeplane.runs.abortRun({ runId: homeplane.actionId(run).run, reason: "enough" });
    await following.ended;
    expect(await ended(run)).toBe(ActionPhase.ABORTED);
    expect(textOf(await tail(homeplane, run))).toContain("asleep\n");
  });

  test("whoever follows a task that can not start is not left waiting once it is aborted", async () => {
    const run = await start("never_starts");
    const following = follow(homeplane, run).ended.then(
      () => "ended",
      (error: unknown) => error,
    );
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await homeplane.runs.abortRun({ runId: homeplane.actionId(run).run, reason: "it will never fit" });
    const outcome = await following;
    // An end, or "there is no log": never the time-out of the one who waits.
    if (outcome !== "ended") expect(outcome).toMatchObject({ code: Code.NotFound });
    expect(await ended(run)).toBeGreaterThan(ActionPhase.SUCCEEDED);
  });

  test("a kill of homeplane ends a follower, and whoever asks again gets all of it: the killed pod's words and the next one's", async () => {
    await using own = await TestHomeplane.start();
    const folder = join(own.dataDir, "go");
    await mkdir(folder);
    const run = await own.startFeature("slow", { FOLDER: folder }, "logs.py");
    await eventually("the log is there", 60_000, async () => {
      return (await own.details(run)).attempts[0]?.logsAvailable === true;
    });
    const following = follow(own, run);
    const outcome = following.ended.catch((error: unknown) => error);
    await eventually("the first words", 60_000, async () => following.seen().includes("tick 0\n"));
    await own.stop("SIGKILL");
    expect(await outcome).toMatchObject({ code: expect.any(Number) as number });
    await own.up();
    for (let i = 0; i < 6; i++) await writeFile(join(folder, `go-${i}`), "");
    await eventually("the run's end", 60_000, async () => (await phaseOf(own, run)) === ActionPhase.SUCCEEDED);
    const text = textOf(await tail(own, run));
    // Once said by the pod that was killed, once by the one after it.
    expect(text.match(/tick 0\n/g)).toHaveLength(2);
    for (let i = 1; i < 6; i++) expect(text).toContain(`tick ${i}\n`);
  });
});

describe.skipIf(!hasPython).each(sdks)("flyte get logs $version", { timeout: 180_000 }, (sdk: Sdk) => {
  test("shows a log while the task runs and after its end, of the attempt that is asked for", async () => {
    await using homeplane = await TestHomeplane.start({ sdk });
    const folder = join(homeplane.dataDir, "go");
    await mkdir(folder);
    const run = await homeplane.startFeature("slow", { FOLDER: folder }, "logs.py");
    const live = homeplane.flyte(["get", "logs", run]);
    for (let i = 0; i < 6; i++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await writeFile(join(folder, `go-${i}`), "");
    }
    // Those of stdout and of stderr, each in its order: lines of the two that come together may be shown either way round.
    const ticksIn = (text: string): string[] => stripVTControlCharacters(text).match(/tick \d/g) ?? [];
    const inOrder = (text: string): string[][] => {
      const found = ticksIn(text);
      return [0, 1].map((rest) => found.filter((tick) => Number(tick.slice(5)) % 2 === rest));
    };
    const ticks = [
      ["tick 0", "tick 2", "tick 4"],
      ["tick 1", "tick 3", "tick 5"],
    ];
    const { code, stdout, stderr } = await live;
    expect(code, stderr).toBe(0);
    expect(inOrder(stdout)).toEqual(ticks);
    const after = await homeplane.flyte(["get", "logs", run, "a0", "--attempt", "1"]);
    expect(ticksIn(after.stdout)).toEqual(ticksIn(stdout));

    const failed = await homeplane.feature("attempts", {}, "logs.py");
    const second = await homeplane.flyte(["get", "logs", failed.run, "a0", "--attempt", "2"]);
    expect(stripVTControlCharacters(second.stdout)).toContain("words of attempt 2");
    expect(stripVTControlCharacters(second.stdout)).not.toContain("words of attempt 1");
  });
});
