import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import type { Container } from "@homeplane/kube";
import { expand } from "./expansion.ts";

/** What to execute: `file` is absolute; `argv0` is the name as written, as a container's process sees it. */
export interface Program {
  readonly file: string;
  readonly argv0: string;
  readonly args: readonly string[];
}

/** The command line with `$(VAR)` expanded. There is no image, so an empty `command` makes `args[0]` the program. */
export function commandLine(container: Container, own: Readonly<Record<string, string>>): readonly string[] {
  const lookup = (name: string): string | undefined => own[name];
  return [...(container.command ?? []), ...(container.args ?? [])].map((word) => expand(word, lookup));
}

/** Looks the program up as execvp(3) does, on `path`. Gives a sentence that says what was searched when there is none. */
export async function findProgram(
  line: readonly string[],
  path: string | undefined,
  workFolder: string,
): Promise<Program | string> {
  const [argv0, ...args] = line;
  if (argv0 === undefined || argv0 === "") {
    return "no program to start: the container has neither command nor args, and a local process has no image to take one from";
  }
  if (argv0.includes("/")) {
    const file = resolve(workFolder, argv0);
    return (await isExecutable(file))
      ? { file, argv0, args }
      : `exec: "${argv0}": no such executable file (looked at ${file})`;
  }
  for (const folder of (path ?? "").split(delimiter).filter(isAbsolute)) {
    const file = join(folder, argv0);
    if (await isExecutable(file)) return { file, argv0, args };
  }
  return `exec: "${argv0}": executable file not found in $PATH (${path ?? "not set"})`;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    // Not there, or not for us: for a search on PATH both mean "look further".
    return false;
  }
}
