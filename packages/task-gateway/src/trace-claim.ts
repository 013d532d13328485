/**
 * A finalizer on the TaskAction of a parent: it has traces that the control plane has not been told of. So a crash forgets none of them: the next
 * start finds the parent, and the parent stays until they are told.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { type TaskAction, tracesFinalizer } from "@homeplane/idl";
import { isConflict, isNotFound, type KubeClient } from "@homeplane/kube";
import { taskActionType } from "./children.ts";
import { converted } from "./resource-calls.ts";

/** Others write to the resource too: each round loses to one of them at most. */
const maxRounds = 20;

export function isClaimed({ metadata }: TaskAction): boolean {
  return metadata.finalizers?.includes(tracesFinalizer) ?? false;
}

export async function claimTraces(client: KubeClient, parent: TaskAction): Promise<void> {
  await change(client, parent, (finalizers) => [...new Set([...finalizers, tracesFinalizer])]).catch(converted);
}

export async function releaseTraces(client: KubeClient, parent: TaskAction): Promise<void> {
  const others = (finalizers: readonly string[]) => finalizers.filter((one) => one !== tracesFinalizer);
  await change(client, parent, others).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

/** Finalizers are one list: it is written as a whole, on the condition that nobody else did meanwhile. */
async function change(
  client: KubeClient,
  { metadata: { namespace = "", name, uid } }: TaskAction,
  next: (finalizers: readonly string[]) => string[],
): Promise<void> {
  for (let round = 0; round < maxRounds; round++) {
    const { metadata } = await client.get(taskActionType, { namespace, name });
    const { finalizers = [], resourceVersion } = metadata;
    const wanted = next(finalizers);
    if (metadata.uid !== uid || wanted.length === finalizers.length) return;
    try {
      await client.patch(
        taskActionType,
        { namespace, name },
        { metadata: { uid, resourceVersion, finalizers: wanted } },
      );
      return;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
  throw new ConnectError(`TaskAction ${namespace}/${name} is changed too often: try again`, Code.Unavailable);
}
