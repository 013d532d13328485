import { at, isObject, type Json, type JsonObject, listAt, textAt } from "../store/json.ts";
import type { KubeObject } from "../store/object.ts";
import { parseObject } from "../store/object.ts";
import { badRequest } from "./api-error.ts";
import { accountUser, type BoundKind, findBound } from "./bound-object.ts";
import type { ApiContext, Call } from "./context.ts";
import { verifiedClaims } from "./jwt.ts";
import { ISSUER } from "./token-request.ts";

/** As upstream: a pod that is being deleted keeps its token this long after its time (its grace has run by then). */
const DELETED_LEEWAY_MS = 60_000;
const BOUND: readonly BoundKind[] = ["Pod", "Secret", "Node"];

/** Whose token it is. Throws an Error that says what is wrong with it. */
async function authenticateToken(context: ApiContext, token: string): Promise<{ user: JsonObject; audiences: Json[] }> {
  const claims = verifiedClaims(token, context.tokenKey);
  const own = claims?.["kubernetes.io"];
  if (claims === undefined || claims.iss !== ISSUER || !isObject(own)) throw new Error("invalid bearer token");
  const now = context.clock.now() / 1000;
  if (Number(claims.exp) <= now) throw new Error("token has expired");
  if (Number(claims.nbf) > now + 1) throw new Error("token is not valid yet");
  const namespace = textAt(own, "namespace") ?? "";
  const name = textAt(own, "serviceaccount", "name") ?? "";
  const uid = textAt(own, "serviceaccount", "uid") ?? "";
  const stored = await context.store.get({ resource: "serviceaccounts", namespace, name });
  if (stored === undefined || !lives(context, parseObject(stored.json), uid))
    throw new Error("service account UID does not match claim: the account was deleted");
  const extra: JsonObject = { "authentication.kubernetes.io/credential-id": [`JTI=${textAt(claims, "jti") ?? ""}`] };
  for (const kind of BOUND) {
    const ref = at(own, kind.toLowerCase());
    if (!isObject(ref)) continue;
    const word = kind.toLowerCase();
    const ownName = textAt(ref, "name") ?? "";
    const ownUid = textAt(ref, "uid") ?? "";
    extra[`authentication.kubernetes.io/${word}-name`] = [ownName];
    // The node of a pod's token is where the pod ran: a note, no bond.
    if (ownUid === "") continue;
    extra[`authentication.kubernetes.io/${word}-uid`] = [ownUid];
    const bound = await findBound(context, kind, namespace, ownName);
    if (bound === undefined || !lives(context, bound, ownUid))
      throw new Error(`the ${word} that the token is bound to is gone`);
  }
  return { user: { ...accountUser(namespace, name), uid, extra }, audiences: [...listAt(claims, "aud")] };
}

function lives(context: ApiContext, { metadata }: KubeObject, uid: string): boolean {
  if (metadata.uid !== uid) return false;
  const ends = metadata.deletionTimestamp;
  return ends === undefined || Date.parse(ends) + DELETED_LEEWAY_MS > context.clock.now();
}

/** `POST /apis/authentication.k8s.io/v1/tokenreviews` */
export async function reviewToken({ context }: Call, body: JsonObject): Promise<JsonObject> {
  const token = textAt(body, "spec", "token") ?? "";
  if (token === "") throw badRequest("token is required for TokenReview in authentication");
  const asked = listAt(body, "spec", "audiences");
  const wanted = asked.length === 0 ? [ISSUER] : asked;
  try {
    const { user, audiences } = await authenticateToken(context, token);
    const common = wanted.filter((one) => audiences.includes(one));
    if (common.length === 0)
      throw new Error(
        `token audiences ${JSON.stringify(audiences)} is invalid for the target audiences ${JSON.stringify(wanted)}`,
      );
    return { authenticated: true, user, audiences: common };
  } catch (error) {
    if (error instanceof Error) return { authenticated: false, error: error.message };
    throw error;
  }
}
