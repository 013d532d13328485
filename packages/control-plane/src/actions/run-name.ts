/** The name of a run: chosen by the client, reserved with its inputs, or made. */
import { randomBytes } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import type { RunIdentifier } from "@homeplane/idl/flyteidl2/common/identifier";
import type { CreateRunRequest } from "@homeplane/idl/flyteidl2/workflow/run_service";
import type { Context } from "../context.ts";
import { invalid, projectScope, runKey } from "../services/identifiers.ts";
import { requireProject } from "../services/require-project.ts";
import type { RunKey } from "../store/port.ts";

export function newRunName(): string {
  return runNameOf(randomBytes(runNameLength));
}

const runNameLength = 16;

/** A letter first (DNS), then 16 characters of base32: 80 bits of the seed, well below the limit of 30. */
export function runNameOf(seed: Uint8Array): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  return `r${Array.from(seed.subarray(0, runNameLength), (byte) => alphabet[byte & 31]).join("")}`;
}

export function nameTaken({ project, domain, run }: RunKey): ConnectError {
  return new ConnectError(`run ${run} exists already in ${project}/${domain}: choose another name`, Code.AlreadyExists);
}

/** The key of a run that does not exist yet: its name has to be one that Kubernetes takes. */
export function newRunKey(id: RunIdentifier): RunKey {
  const key = runKey(id);
  if (!/^[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?$/.test(key.run)) {
    throw invalid("run_id.name", `"${key.run}" must be 1 to 30 lower-case letters, digits and inner dashes`);
  }
  return key;
}

/** A name that the client chose, or the one that UploadInputs gave out with the inputs' address, or a new one. */
export async function resolveTarget(ctx: Context, { id, inputWrapper }: CreateRunRequest): Promise<RunKey> {
  if (id.case === "runId") {
    const key = newRunKey(id.value);
    await requireProject(ctx, key.project, key.domain);
    return key;
  }
  const scope = projectScope(id.case === "projectId" ? id.value : undefined);
  await requireProject(ctx, scope.project, scope.domain);
  const uri = inputWrapper.case === "offloadedInputData" ? inputWrapper.value.uri : "";
  const reserved = new RegExp(`/${ctx.config.org}/${scope.project}/${scope.domain}/(r[a-z2-7]{16})/inputs/?$`).exec(
    uri,
  )?.[1];
  const taken = reserved === undefined ? true : (await ctx.store.runs.get({ ...scope, run: reserved })) !== undefined;
  return { ...scope, run: taken || reserved === undefined ? newRunName() : reserved };
}
