import { logsFinalizer } from "@homeplane/idl";
import { isConflict, isNotFound, type KubeClient, pods } from "@homeplane/kube";
import { type TaskPod, taskPod } from "./task-pod.ts";

/** Each other try follows somebody else's write to the pod. */
const MAX_TRIES = 5;

/** Lets the pod go. Fine when it is gone already, or is another one of that name. Throws a KubeError. */
export async function releaseFinalizer(
  client: KubeClient,
  org: string,
  known: TaskPod,
  signal: AbortSignal,
): Promise<void> {
  const name = { namespace: known.namespace, name: known.name };
  let pod = known;
  for (let n = 1; pod.uid === known.uid && pod.finalizers.includes(logsFinalizer); n++) {
    const { uid, resourceVersion } = pod;
    const finalizers = pod.finalizers.filter((one) => one !== logsFinalizer);
    try {
      await client.patch(pods, name, { metadata: { uid, resourceVersion, finalizers } }, { signal });
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isConflict(error) || n >= MAX_TRIES) throw error;
    }
    try {
      pod = taskPod(org, await client.get(pods, name, { signal }));
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
  }
}
