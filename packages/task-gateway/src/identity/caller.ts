/**
 * Which task a call comes from. A pod's token tells its namespace, name and UID (TokenReview); the name is a function of the TaskAction's UID, the
 * attempt and the incarnation, and only the executor makes pods there: so the name tells the action, and whether it has gone on without this pod.
 */
import { Code, ConnectError, createContextKey } from "@connectrpc/connect";
import { podName, shortHash, type TaskAction } from "@homeplane/idl";
import { KubeError, type TokenVerifier, type VerifiedToken } from "@homeplane/kube";
import type { Children } from "../children.ts";

export interface Caller {
  /** As the informer has it: without its template. */
  readonly taskAction: TaskAction;
  readonly podName: string;
  readonly attempt: number;
  readonly incarnation: number;
}

/** `undefined`: nobody asks who calls (the embedded default). */
export const callerKey = createContextKey<Caller | undefined>(undefined, { description: "the calling task" });

export interface CallerOptions {
  readonly tokens: TokenVerifier;
  readonly children: Children;
}

export async function identify(
  { tokens, children }: CallerOptions,
  authorization: string | null,
  audience: string,
  signal: AbortSignal,
): Promise<Caller> {
  const [, token] = /^Bearer (\S+)$/i.exec(authorization ?? "") ?? [];
  if (token === undefined)
    throw unauthenticated(`send "authorization: Bearer" with the pod's token of audience "${audience}"`);
  const verified = await tokens.verifyToken(token, audience, signal).catch(unanswered);
  if (!verified.ok) throw unauthenticated(verified.reason);
  const { namespace, name } = podOf(verified);
  // A pod is there only after its action.
  await children.informer.synced;
  const found = actionOf(children, namespace, name);
  if (found === undefined) throw unknownPod(namespace, name);
  return { ...found, podName: name };
}

function podOf({ username, extra }: VerifiedToken): { namespace: string; name: string } {
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(username) ?? [];
  const name = extra["authentication.kubernetes.io/pod-name"]?.[0];
  if (namespace === undefined || name === undefined)
    throw denied(
      `the token of ${username} is bound to no pod: only tasks may call, with the projected token of their own pod`,
    );
  return { namespace, name };
}

const ownName = /-([0-9a-f]{8})-(\d+)-(\d+)$/;

function unknownPod(namespace: string, name: string): ConnectError {
  // A view that lags knows it in a moment.
  if (ownName.test(name))
    return new ConnectError(`the action of pod ${namespace}/${name} is not known (yet, or any more)`, Code.Unavailable);
  return denied(
    `pod ${namespace}/${name} is no pod of an action: only tasks may call, with the token of their own pod`,
  );
}

function actionOf(children: Children, namespace: string, name: string): Omit<Caller, "podName"> | undefined {
  const [, hash = "", attempt = "", incarnation = ""] = ownName.exec(name) ?? [];
  for (const taskAction of children.byUidHash(hash)) {
    const { name: own, uid = "", namespace: home } = taskAction.metadata;
    const same = podName({ name: own, uid }, Number(attempt), Number(incarnation)) === name;
    if (same && home === namespace) return { taskAction, attempt: Number(attempt), incarnation: Number(incarnation) };
  }
  return undefined;
}

/** By which the informer finds the action of a pod. */
export function uidHash({ metadata }: TaskAction): string {
  return shortHash(metadata.uid ?? "");
}

export function denied(message: string): ConnectError {
  return new ConnectError(message, Code.PermissionDenied);
}

function unauthenticated(message: string): ConnectError {
  return new ConnectError(message, Code.Unauthenticated);
}

/** No word on the token: the SDK tries again after UNAVAILABLE, and gives up after others. */
function unanswered(error: unknown): never {
  if (!(error instanceof KubeError)) throw error;
  const message = `the token could not be verified: ${error.message}`;
  throw new ConnectError(message, Code.Unavailable, undefined, undefined, error);
}
