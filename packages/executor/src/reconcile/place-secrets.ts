import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { SecretProblem_Reason as Reason, type SecretMaterialiser } from "@homeplane/idl/homeplane/v1/secrets";
import { taskSecrets } from "../pod/secrets.ts";
import type { PodContext } from "../pod/task.ts";
import type { Launch } from "./launch.ts";

const timeoutMs = 20_000;

/**
 * Has secret-service make the Kubernetes Secret that the pod will refer to: it exists before the pod. `undefined` = go on.
 */
export async function placeSecrets(
  client: Client<typeof SecretMaterialiser>,
  ctx: PodContext,
  signal: AbortSignal,
): Promise<Exclude<Launch, { kind: "created" }> | undefined> {
  const wanted = taskSecrets(ctx);
  if (wanted.length === 0) return undefined;
  const { spec, metadata } = ctx.taskAction;
  const request = {
    namespace: metadata.namespace ?? "",
    name: ctx.name,
    ownerName: metadata.name,
    ownerUid: metadata.uid ?? "",
    project: spec.project,
    domain: spec.domain,
    secrets: wanted.map(({ group, key, dataKey, as }) => ({ group, key, dataKey, asEnv: "env" in as })),
  };
  try {
    const { problems } = await client.materialise(request, { signal, timeoutMs });
    if (problems.length === 0) return undefined;
    const code = problems.some(({ reason }) => reason === Reason.NOT_FOUND) ? "SecretNotFound" : "SecretUnusable";
    const message = problems.map((problem) => problem.message).join("\n");
    return { kind: "refused", outcome: { kind: "user", final: true, code, message } };
  } catch (error) {
    // A quota on Secrets, for example: shown, and tried again.
    if (error instanceof ConnectError && error.code === Code.FailedPrecondition)
      return { kind: "waiting", message: error.rawMessage };
    if (!(error instanceof ConnectError) || signal.aborted) throw error;
    return { kind: "failed", message: `the task's secrets could not be placed: ${error.rawMessage}`, error };
  }
}
