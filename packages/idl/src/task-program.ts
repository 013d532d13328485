/** What the SDK's task templates say of the program that is run. Pure. */
import { posix } from "node:path";
import type { TaskTemplate } from "./gen/flyteidl2/core/tasks_pb.ts";

/** The SDK names the primary container in the template's `config`, its protobuf has a field of its own for it. */
const primaryConfigKey = "primary_container_name";
const defaultPrimary = "primary";
/** The SDK's own programs; others may have options of the same names. */
const sdkPrograms: ReadonlySet<string> = new Set(["a0", "clustered"]);

export function primaryContainerName({ target, config }: Pick<TaskTemplate, "target" | "config">): string {
  const named = target.case === "k8sPod" ? target.value.primaryContainerName || config[primaryConfigKey] : "";
  return named || defaultPrimary;
}

/** The code that a task is to load, as its arguments have it. */
export interface CodeBundle {
  /** `tgz`: an archive that is unpacked; `pkl`: one pickled task. */
  readonly kind: "tgz" | "pkl";
  /** Address in the object store. */
  readonly url: string;
  /** Folder, mostly ".". */
  readonly destination: string;
}

/** `undefined` when the task brings its code in its image, or is no program of the SDK's. */
export function codeBundleOf(template: Pick<TaskTemplate, "target" | "config">): CodeBundle | undefined {
  const program = primaryProgram(template);
  if (!sdkPrograms.has(posix.basename(program[0] ?? ""))) return undefined;
  const option = (name: string): string | undefined => {
    const at = program.indexOf(name);
    return at === -1 ? undefined : program[at + 1];
  };
  const destination = option("--dest") ?? ".";
  for (const kind of ["tgz", "pkl"] as const) {
    const url = option(`--${kind}`);
    if (url?.includes("://")) return { kind, url, destination };
  }
  return undefined;
}

function primaryProgram(template: Pick<TaskTemplate, "target" | "config">): readonly string[] {
  const { target } = template;
  if (target.case === "container") return [...target.value.command, ...target.value.args];
  if (target.case !== "k8sPod") return [];
  const spec = target.value.podSpec;
  const containers: unknown[] = Array.isArray(spec?.["containers"]) ? spec["containers"] : [];
  const wanted = primaryContainerName(template);
  const primary = containers.find((one): one is Record<string, unknown> => isRecord(one) && one["name"] === wanted);
  return [...texts(primary?.["command"]), ...texts(primary?.["args"])];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
