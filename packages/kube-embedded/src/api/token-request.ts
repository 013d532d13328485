import { at, isObject, type Json, type JsonObject, listAt, textAt } from "../store/json.ts";
import { parseObject } from "../store/object.ts";
import { badRequest, conflict, type FieldError, invalid, notFound, type Subject } from "./api-error.ts";
import { readVirtual } from "./body.ts";
import { accountOf, accountUser, findBound, isBoundKind } from "./bound-object.ts";
import type { Call } from "./context.ts";
import { invalidValue, notSupported, required } from "./field-errors.ts";
import { newUid, timestamp } from "./ids.ts";
import { signJwt } from "./jwt.ts";
import { getStored } from "./reads.ts";
import type { ApiResponse } from "./request.ts";
import { jsonResponse } from "./response.ts";

/** Who signs the tokens, and the audience of one that asks for none. */
export const ISSUER = "https://kubernetes.default.svc.cluster.local";

const DEFAULT_SECONDS = 3600;
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;
export const TOKEN_REQUEST = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest" } as const;
const SUBJECT: Subject = { group: "authentication.k8s.io", plural: "tokenrequests", kind: "TokenRequest" };

interface Wanted {
  readonly audiences: readonly string[];
  readonly seconds: number;
  readonly bound?: Json;
}

function readWanted(body: JsonObject): Wanted {
  const errors: FieldError[] = [];
  const audiences = listAt(body, "spec", "audiences");
  for (const [n, one] of audiences.entries())
    if (typeof one !== "string") errors.push(invalidValue(`spec.audiences[${n}]`, one, "must be a string"));
  const seconds = at(body, "spec", "expirationSeconds") ?? DEFAULT_SECONDS;
  const field = "spec.expirationSeconds";
  if (typeof seconds !== "number" || !Number.isInteger(seconds) || seconds < MIN_SECONDS)
    errors.push(invalidValue(field, seconds, "may not specify a duration less than 10 minutes"));
  else if (seconds > MAX_SECONDS)
    errors.push(invalidValue(field, seconds, "may not specify a duration larger than 2^32 seconds"));
  if (errors.length > 0) throw invalid(SUBJECT, "", errors);
  const bound = at(body, "spec", "boundObjectRef");
  const texts = audiences.filter((one) => typeof one === "string");
  return {
    audiences: texts.length === 0 ? [ISSUER] : texts,
    seconds: Number(seconds),
    ...(isObject(bound) ? { bound } : {}),
  };
}

/** The claims about the object that the token is bound to. */
async function boundClaims(call: Call, ref: Json): Promise<JsonObject> {
  const { namespace, name: account } = call.path;
  const kind = textAt(ref, "kind") ?? "";
  const name = textAt(ref, "name") ?? "";
  if (!isBoundKind(kind))
    throw invalid(SUBJECT, "", [notSupported("spec.boundObjectRef.kind", kind, ["Pod", "Secret", "Node"])]);
  if (name === "") throw invalid(SUBJECT, "", [required("spec.boundObjectRef.name")]);
  const subject = { group: "", plural: `${kind.toLowerCase()}s`, kind };
  const object = await findBound(call.context, kind, namespace, name);
  if (object === undefined) throw notFound(subject, name);
  const { uid = "" } = object.metadata;
  const asked = textAt(ref, "uid") ?? "";
  if (asked !== "" && asked !== uid) {
    const why = `the UID in the bound object reference (${asked}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict(subject, name, why);
  }
  if (kind === "Pod" && accountOf(object) !== account)
    throw badRequest(
      `cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`,
    );
  const node = kind === "Pod" ? (textAt(object, "spec", "nodeName") ?? "") : "";
  return { [kind.toLowerCase()]: { name, uid }, ...(node === "" ? {} : { node: { name: node } }) };
}

/** `POST .../serviceaccounts/<name>/token`: a signed token of the account, as pkg/registry/core/serviceaccount/storage/token.go. */
export async function requestToken(call: Call): Promise<ApiResponse> {
  const { context, path } = call;
  const account = parseObject((await getStored(call)).json);
  const body = readVirtual(call.request, TOKEN_REQUEST);
  const { audiences, seconds, bound } = readWanted(body);
  const boundTo = bound === undefined ? {} : await boundClaims(call, bound);
  const now = Math.floor(context.clock.now() / 1000);
  const claims = {
    aud: [...audiences],
    exp: now + seconds,
    iat: now,
    iss: ISSUER,
    jti: newUid(context.random),
    "kubernetes.io": {
      namespace: path.namespace,
      serviceaccount: { name: path.name, uid: account.metadata.uid ?? "" },
      ...boundTo,
    },
    nbf: now,
    sub: accountUser(path.namespace, path.name).username,
  };
  return jsonResponse(201, {
    ...TOKEN_REQUEST,
    metadata: { name: path.name, namespace: path.namespace, creationTimestamp: timestamp(context.clock.now()) },
    spec: {
      audiences: [...audiences],
      expirationSeconds: seconds,
      ...(bound === undefined ? {} : { boundObjectRef: bound }),
    },
    status: { token: signJwt(claims, context.tokenKey), expirationTimestamp: timestamp((now + seconds) * 1000) },
  });
}

/** What a verifier elsewhere asks for first (OpenID Connect Discovery 1.0, as far as it applies). */
export function openIdConfiguration(): JsonObject {
  return {
    issuer: ISSUER,
    jwks_uri: `${ISSUER}/openid/v1/jwks`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  };
}
