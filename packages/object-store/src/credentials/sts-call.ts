/**
 * AssumeRoleWithWebIdentity: a token of an identity provider for credentials of a role.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
import { messageOf } from "@homeplane/runtime-kit";
import { ObjectStoreError, type ObjectStoreErrorCode } from "../error.ts";
import { awsDomain } from "../s3-client/address.ts";
import { connectionError } from "../s3-client/connection-error.ts";
import type { HttpClient } from "../s3-client/http-client.ts";
import { element, parseAnswer, textOf } from "../s3-client/parse-answer.ts";
import type { SessionCredentials } from "./source.ts";

export const OPERATION = "AssumeRoleWithWebIdentity";
const API_VERSION = "2011-06-15";
/** MinIO asks the identity provider for its keys meanwhile. */
const TIMEOUT_MS = 15_000;

export interface StsCall {
  readonly endpoint: string;
  readonly token: string;
  readonly sessionName: string;
  readonly roleArn?: string;
  readonly durationSeconds: number;
  /** An IAM policy document: what the credentials may do at most. */
  readonly sessionPolicy?: string;
}

/** Reasons of STS that a later try may not have. */
const LATER = new Set([
  "IDPCommunicationError",
  "ThrottlingException",
  "Throttling",
  "STSNotInitialized",
  "InternalError",
]);

export async function assumeRoleWithWebIdentity(
  http: HttpClient,
  call: StsCall,
  signal: AbortSignal,
): Promise<SessionCredentials> {
  const form = new URLSearchParams({
    Action: OPERATION,
    Version: API_VERSION,
    WebIdentityToken: call.token,
    RoleSessionName: call.sessionName,
    ...(call.roleArn !== undefined && { RoleArn: call.roleArn }),
    DurationSeconds: String(call.durationSeconds),
    ...(call.sessionPolicy !== undefined && { Policy: call.sessionPolicy }),
  });
  const body = Buffer.from(form.toString());
  const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
  let answer: { readonly status: number; readonly text: string };
  try {
    const { origin, pathname } = new URL(call.endpoint);
    const request = { method: "POST", origin, path: pathname, headers, body, timeoutMs: TIMEOUT_MS, signal };
    const { status, text } = await http.exchange(request);
    answer = { status, text: await text() };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw connectionError(OPERATION, `${OPERATION} at ${call.endpoint}`, error);
  }
  if (answer.status !== 200) throw refused(call, answer.status, answer.text);
  return credentialsIn(call, answer.text);
}

function refused(call: StsCall, status: number, text: string): ObjectStoreError {
  const { reason = `HTTP ${status}`, message = "", requestId } = reasonIn(text);
  const code: ObjectStoreErrorCode =
    status >= 500 || status === 429 || LATER.has(reason) ? "Unavailable" : "Unauthenticated";
  return new ObjectStoreError(
    code,
    `${OPERATION} of ${call.roleArn ?? "no role"} at ${call.endpoint} was refused: ${[reason, message].filter(Boolean).join(": ")}`,
    { call: { operation: OPERATION, status, reason, ...(requestId !== undefined && { requestId }) } },
  );
}

function reasonIn(text: string): { reason?: string; message?: string; requestId?: string } {
  try {
    const answer = parseAnswer(text);
    const error = element(answer, "ErrorResponse", "Error") ?? element(answer, "Error");
    const reason = textOf(error, "Code");
    const message = textOf(error, "Message");
    const requestId = textOf(element(answer, "ErrorResponse"), "RequestId");
    return { ...(reason && { reason }), ...(message && { message }), ...(requestId && { requestId }) };
  } catch {
    return {};
  }
}

function credentialsIn(call: StsCall, text: string): SessionCredentials {
  let problem = "no credentials are in it";
  try {
    const found = element(parseAnswer(text), `${OPERATION}Response`, `${OPERATION}Result`, "Credentials");
    const accessKeyId = textOf(found, "AccessKeyId");
    const secretAccessKey = textOf(found, "SecretAccessKey");
    const sessionToken = textOf(found, "SessionToken");
    const expiresAt = new Date(textOf(found, "Expiration") ?? "");
    if (accessKeyId && secretAccessKey && sessionToken && !Number.isNaN(expiresAt.getTime()))
      return { accessKeyId, secretAccessKey, sessionToken, expiresAt };
  } catch (error) {
    problem = messageOf(error);
  }
  throw new ObjectStoreError(
    "Internal",
    `${OPERATION} at ${call.endpoint} gave an answer that is none: ${problem}; is this address an STS?`,
    { call: { operation: OPERATION, status: 200 } },
  );
}

/** Throws `ObjectStoreError` for what is no address, or would send the token over a network in the clear. */
export function stsEndpointOf(endpoint: string | undefined, region: string): string {
  if (endpoint === undefined) return `https://sts.${region}.${awsDomain(region)}/`;
  const url = URL.parse(endpoint);
  const isLocal = url?.protocol === "http:" && /^(127\.[\d.]+|localhost|\[::1\])$/.test(url.hostname);
  if (url?.protocol === "https:" || isLocal) return url.href;
  throw new ObjectStoreError(
    "Internal",
    `the STS endpoint must be an https:// address (http:// to this machine only), is ${JSON.stringify(endpoint)}`,
  );
}
