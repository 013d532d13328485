import type { Cgroup } from "./cgroups.ts";
import type { Program } from "./program.ts";

/** Open as long as the shell is at work: its end says that the program itself has begun. */
export const HANDOVER_FD = 3;

/** A shell hands on only variables whose names it can read. */
const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function passesShell(env: Readonly<Record<string, string>>): boolean {
  return Object.keys(env).every((name) => SHELL_NAME.test(name));
}

/**
 * The program behind a shell that first steps into the cgroup: so it and all it starts are in from their first instruction, which
 * moving it afterwards could not promise. `keepsFd`: the program needs {@link HANDOVER_FD} itself.
 */
export function inCgroup(
  program: Program,
  env: Readonly<Record<string, string>>,
  cgroup: Cgroup,
  keepsFd = false,
): Program {
  // What shells add to the environment of their own accord.
  const own = ["PWD", "OLDPWD", "SHLVL"].filter((name) => env[name] === undefined);
  const script = `echo $$ >"$0" || exit 125; unset ${own.join(" ")}; exec "$@"${keepsFd ? "" : ` ${HANDOVER_FD}>&-`}`;
  return { file: "/bin/sh", argv0: "sh", args: ["-c", script, cgroup.procs, program.file, ...program.args] };
}
