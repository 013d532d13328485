/** Raw containers (the SDK's ContainerTask) in real pods, and data that goes from the user's program through tasks and back. */
import { ErrorInfo_Kind } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { expect, test } from "vitest";
import type { InstalledHomeplane } from "./installed-homeplane.ts";

export function containerPromises(homeplane: () => InstalledHomeplane): void {
  interface Outcome {
    readonly run: string;
    readonly phase: string;
    readonly outputs: unknown[] | null;
    readonly laptop?: unknown;
  }
  const feature = (name: string, file: string): Promise<Outcome> => homeplane().feature(name, { BIG_MIB: "20" }, file);
  const failure = async (run: string) => {
    const { result } = await homeplane().details(run);
    return result.case === "errorInfo" ? result.value : undefined;
  };

  test("a raw container gets values, files and folders from the laptop, and what it leaves is read there", async () => {
    const { laptop } = await feature("look", "containers.py");
    expect(laptop).toEqual([
      ...["Hello world: 42 1.25 true", "3", "1.25", "False", "2031-02-03T04:05:06+00:00", "0:01:30.500000", "two"],
      ...["joined=one two", "top=of the laptop"],
    ]);
  });

  test("a raw container between two parts of a task: what the one wrote, the other reads", async () => {
    const { run, outputs } = await feature("around", "containers.py");
    expect(outputs).toEqual([
      [
        ...["Hello task: 7 0.5 true", "8", "0.5", "False", "2031-02-03T04:05:06+00:00", "0:01:30.500000", "a task's"],
        ...["joined=one two", "top=of a task"],
      ],
    ]);
    const child = (await homeplane().actions(run)).find(({ id }) => id?.name !== "a0");
    const log = (await homeplane().log(run, child?.id?.name ?? "")).map(({ text }) => text).join("");
    expect(log).toContain("looking at task");
  });

  test.each([
    ["forgets", "OutputsInvalid", 'output "answer": the container left no /var/outputs/answer'],
    ["garbles", "OutputsInvalid", 'output "answer": "many" is no integer'],
    ["breaks", "ExitCode9", "last words"],
  ])("a raw container that %s fails as %s, in words", async (name, code, words) => {
    const { run, phase } = await feature(name, "containers.py");
    expect(phase).toBe("ActionPhase.FAILED");
    const error = await failure(run);
    expect(error).toMatchObject({ code, kind: ErrorInfo_Kind.USER });
    expect(error?.message).toContain(words);
  });

  test("a File and a Dir of the laptop are read by a task; a Dir goes from pod to pod and to the laptop with its tree", async () => {
    expect((await feature("from_laptop", "data.py")).outputs).toEqual([
      expect.arrayContaining(["from the laptop", "top.txt=from the laptop's folder", "other=deeper"]),
    ]);
    expect((await feature("folders", "data.py")).laptop).toEqual([
      ...["sub folder/deeper/empty=", "sub folder/ü + x.txt=odd name", "top.txt=top"],
    ]);
  });

  test("20 MiB are streamed and uploaded by tasks, read by others and by the laptop", async () => {
    const { outputs, laptop } = await feature("big", "data.py");
    const [size, md5] = laptop as [number, string];
    expect(size).toBe(20 << 20);
    expect(outputs?.[1]).toEqual([md5, md5, md5, md5]);
  });
}
