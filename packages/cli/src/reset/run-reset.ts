import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { HomeplaneError } from "@homeplane/runtime-kit";
import { describeContents } from "./contents.ts";
import { reset, resettable } from "./reset.ts";

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What is lost is said while it is still there. */
export async function runReset(options: { dataDir: string; yes?: boolean; json?: boolean }): Promise<void> {
  const dataDir = resolve(options.dataDir);
  const contents = await resettable(dataDir);
  const confirmed =
    contents === undefined || options.yes === true || (await confirm(dataDir, describeContents(contents)));
  if (contents !== undefined && confirmed) await reset(dataDir);
  const state = contents === undefined ? "empty" : confirmed ? "reset" : "kept";
  if (state === "kept") process.exitCode = 1;
  const said = { empty: `nothing to reset in ${dataDir}`, reset: `${dataDir} is empty`, kept: "nothing was removed" };
  write(options.json === true ? JSON.stringify({ state, dataDir, ...contents }) : said[state]);
}

async function confirm(dataDir: string, what: string): Promise<boolean> {
  process.stderr.write(`This gives up for good what is in ${dataDir}:\n  ${what}.\n`);
  if (!process.stdin.isTTY) {
    const next = "say --yes where nobody can be asked";
    throw new HomeplaneError("NotConfirmed", "reset was not confirmed; nothing was removed", next);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question('Type "reset" to go on: ')).trim() === "reset";
  } finally {
    terminal.close();
  }
}
