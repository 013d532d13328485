/** Every command that the page on the first run shows is typed here, in its order, by a shell. */
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPython, TestHomeplane } from "../sdk/homeplane.ts";
import { fencesOf, textOf } from "./markdown.ts";

const page = textOf("docs/guide/first-run.md");
const main = join(import.meta.dirname, "../../packages/cli/src/main.js");

/** In the blocks, lines that begin with a program; in the tables, what stands alone in a cell. */
function commandsOf(text: string): readonly string[] {
  const isCommand = (line: string): boolean => /^(npm|\.\/homeplane|source|flyte|kubectl|python) /.test(line);
  const inBlocks = fencesOf(text).flatMap(({ text: body }) => body.split("\n").filter(isCommand));
  const inTables = [...text.matchAll(/\| `([^`]+)`/g)].map(([, cell = ""]) => cell).filter(isCommand);
  return [...inBlocks, ...inTables.toSorted((a, b) => Number(a.includes("abort")) - Number(b.includes("abort")))];
}

interface Ended {
  readonly code: number | string | null | undefined;
  readonly output: string;
}

describe.skipIf(!hasPython)("docs/guide/first-run.md", { timeout: 120_000 }, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "homeplane-guide-"));
    const [python] = fencesOf(page).filter(({ language }) => language === "python");
    await writeFile(join(folder, "my_file.py"), python?.text ?? "");
    // What stands in for the checkout's launcher, on this test's data dir.
    const launcher = `#!/bin/sh\ncommand=$1; shift\nexec '${process.execPath}' '${main}' "$command" --data-dir "$DATA_DIR" "$@"\n`;
    await writeFile(join(folder, "homeplane"), launcher);
    await chmod(join(folder, "homeplane"), 0o755);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function type(command: string, dataDir: string): Promise<Ended> {
    const env = { PATH: process.env["PATH"] ?? "", HOME: folder, DATA_DIR: dataDir, COLUMNS: "200" };
    const script = `source '${dataDir}/env' 2>/dev/null; ${command.replaceAll("~/.homeplane", dataDir)}`;
    return new Promise((resolve) => {
      execFile("bash", ["-c", script], { cwd: folder, env, timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, output: stdout + stderr }),
      );
    });
  }

  test("each command does what the page says", async () => {
    await using homeplane = await TestHomeplane.start();
    const { dataDir } = homeplane;
    let run = "";
    const done: string[] = [];
    for (const command of commandsOf(page).filter((each) => each !== "./homeplane down")) {
      // One is up already; the start has a test of its own below.
      if (command === "./homeplane up" || command.startsWith("npm start")) continue;
      const typed = command.replace("<run>", run).replace(" [<action>]", "");
      const { code, output } = await type(typed, dataDir);
      // A run that has ended can not be aborted, which the SDK passes over.
      expect(code, `${command}\n${output}`).toBe(0);
      if (command.startsWith("flyte run")) {
        expect(output).toContain("doubling 21");
        run = /run name\s+(r\w+)/.exec(output)?.[1] ?? "";
        expect(run).not.toBe("");
      }
      if (command.startsWith("flyte get io")) expect(output).toContain("42");
      done.push(command.split(" ").slice(0, 3).join(" "));
    }
    expect(done).toContain("flyte create project");
    expect(done).toContain("flyte abort run");
    expect(await type("./homeplane down", dataDir)).toMatchObject({
      code: 0,
      output: expect.stringContaining("stopped") as string,
    });
  });

  test("the start runs the sample and shows its result", async () => {
    const { code, output } = await type("./homeplane start --once --port 0", join(folder, "data"));
    expect(output).toContain("Result: 3.1");
    expect(code).toBe(0);
  });

  test("the file of the page runs as a program, with the lines that the page adds", async () => {
    await using homeplane = await TestHomeplane.start();
    const [file, more] = fencesOf(page).filter(({ language }) => language === "python");
    await writeFile(join(folder, "program.py"), `${file?.text}\n\n${more?.text}`);
    const { code, output } = await type("python program.py", homeplane.dataDir);
    expect(output).toMatch(/^42$/m);
    expect(code).toBe(0);
  });
});
