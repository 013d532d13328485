import type { KubeClient } from "./client.ts";
import type { KubeObject, ResourceType } from "./meta.ts";
import type { ObjectName } from "./paths.ts";

/** All annotations of an object may weigh 256 KiB; a reason is a sentence. In UTF-16 units. */
const maxReason = 1024;

export interface DeleteReason<T> {
  /** The annotation's name. */
  readonly annotation: string;
  readonly reason: string;
  /** Absent: whichever object has the name. */
  readonly uid?: string | undefined;
  /** Looked at when the reason is written: such an object is not deleted. */
  readonly unless?: (object: T) => boolean;
  readonly signal: AbortSignal;
}

/** Says why on the object itself, then deletes it: whoever sees it go can tell. Throws NotFound when it is gone before that. */
export async function deleteWithReason<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  name: ObjectName,
  { annotation, reason, uid, unless = () => false, signal }: DeleteReason<T>,
): Promise<void> {
  const text = reason.length > maxReason ? `${reason.slice(0, maxReason)}... (cut)` : reason;
  const metadata = { ...(uid === undefined ? {} : { uid }), annotations: { [annotation]: text } };
  const found = await client.patch(type, name, { metadata }, { signal });
  if (unless(found)) return;
  await client.delete(type, name, { preconditions: { uid: found.metadata.uid ?? "" }, signal });
}
