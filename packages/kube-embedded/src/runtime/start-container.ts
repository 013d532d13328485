/** From a container and its mounts to a process: where it works, which file is run, and who starts it. */
import { mkdir } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import type { Container } from "@homeplane/kube";
import type { Cgroup } from "./cgroups.ts";
import type { ContainerEnv } from "./container-env.ts";
import { type PodFolders, workingFolder } from "./folders.ts";
import { isBelow, linkMounts } from "./linked-mounts.ts";
import type { Mount } from "./mounts.ts";
import { startPrivately } from "./private-start.ts";
import { commandLine, findProgram, type Program } from "./program.ts";
import { type StartedProcess, startProcess, withLogFiles } from "./spawn-container.ts";

export type Start =
  | { readonly kind: "started"; readonly process: StartedProcess }
  /** It never will. */
  | { readonly kind: "failed"; readonly message: string }
  /** What it asks for can not be done on this machine, with the way out. */
  | { readonly kind: "refused"; readonly message: string };

export interface StartOptions {
  readonly env: ContainerEnv;
  readonly mounts: readonly Mount[];
  readonly folders: PodFolders;
  readonly logFolder: string;
  readonly python?: string;
  readonly cgroup?: Cgroup;
  readonly stopping: AbortSignal;
}

export async function startContainer(container: Container, options: StartOptions): Promise<Start> {
  const { mounts, folders, logFolder, env, python, cgroup, stopping: signal } = options;
  if (mounts.length === 0) return await startPlainly(container, options);
  const { cwd, seen } = await workPlace(container, mounts, folders);
  const line = commandLine(container, env.own);
  const program = inVolume(line, mounts) ?? (await findProgram(line, env.all["PATH"], seen));
  if (typeof program === "string") return { kind: "failed", message: program };
  const staging = folders.mounts(container.name);
  const answer =
    python === undefined
      ? { kind: "notPermitted" as const, message: "there is no Python interpreter to prepare them with" }
      : await withLogFiles(logFolder, (stdout, stderr) =>
          startPrivately({
            ...{ python, program, env: env.all, cwd, staging, mounts, stdout, stderr, signal },
            ...(cgroup === undefined ? {} : { cgroup }),
          }),
        );
  if (answer.kind !== "notPermitted") return answer;
  if (await linkMounts(mounts, container.workingDir, folders)) return await startPlainly(container, options);
  return { kind: "refused", message: refusal(mounts, answer.message) };
}

async function startPlainly(container: Container, { env, folders, logFolder, cgroup }: StartOptions): Promise<Start> {
  const cwd = workingFolder(folders, container.workingDir);
  await mkdir(cwd, { recursive: true });
  const program = await findProgram(commandLine(container, env.own), env.all["PATH"], cwd);
  if (typeof program === "string") return { kind: "failed", message: program };
  return await startProcess(program, { env: env.all, cwd, logFolder, ...(cgroup === undefined ? {} : { cgroup }) });
}

/** `cwd` as the process sees it, `seen` the same folder as we do. A working folder that is not there is made. */
async function workPlace(
  { workingDir }: Container,
  mounts: readonly Mount[],
  folders: PodFolders,
): Promise<{ readonly cwd: string; readonly seen: string }> {
  const wanted = workingDir === undefined || workingDir === "" ? undefined : resolve("/", workingDir);
  const around = wanted === undefined ? undefined : mounts.findLast(({ target }) => isBelow(wanted, target));
  if (wanted === undefined || around === undefined) {
    const cwd = workingFolder(folders, workingDir);
    await mkdir(cwd, { recursive: true });
    return { cwd, seen: cwd };
  }
  const { source, subPath, target } = around;
  if ("files" in source) return { cwd: wanted, seen: folders.work };
  const seen = join(source.folder, subPath, relative(target, wanted));
  await mkdir(seen, { recursive: true });
  return { cwd: wanted, seen };
}

/** A program that only the process itself will see. */
function inVolume([argv0 = "", ...args]: readonly string[], mounts: readonly Mount[]): Program | undefined {
  if (!isAbsolute(argv0) || !mounts.some(({ target }) => isBelow(resolve(argv0), target))) return undefined;
  return { file: argv0, argv0, args };
}

function refusal(mounts: readonly Mount[], why: string): string {
  const paths = mounts.map(({ target }) => target).join(", ");
  return `a process can not have files of its own at ${paths} on this machine (${why}). Ask for secrets as environment variables (flyte.Secret without mount), or allow user namespaces`;
}
