/**
 * OAuth 2.0 client credentials (RFC 6749, 4.4) for versions of the SDK whose controller knows no token command: the secret is the pod's own token, and
 * what they get for it is that same token. It grants nothing that the token alone would not.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { ServiceImpl } from "@connectrpc/connect";
import { taskGatewayAudience } from "@homeplane/idl";
import type { AuthMetadataService } from "@homeplane/idl/flyteidl2/auth/auth_service";
import type { TokenVerifier } from "@homeplane/kube";
import { type Clock, type HttpHandler, type Logger, messageOf } from "@homeplane/runtime-kit";

const path = "/oauth2/token";
const verifyMs = 10_000;

/** `address`: the gateway as task pods reach it, with `https://`. */
export function authMetadata(address: string): Partial<ServiceImpl<typeof AuthMetadataService>> {
  const tokenEndpoint = new URL(path, address).href;
  return {
    getOAuth2Metadata: () => ({
      issuer: address,
      tokenEndpoint,
      grantTypesSupported: ["client_credentials"],
      tokenEndpointAuthMethodsSupported: ["client_secret_basic"],
    }),
    getPublicClientConfig: () => ({ clientId: "task", authorizationMetadataKey: "authorization" }),
  };
}

interface TokenEndpointOptions {
  readonly tokens: TokenVerifier;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Answers at its own path, and hands all else on. */
export function tokenEndpoint(options: TokenEndpointOptions, next: HttpHandler): HttpHandler {
  return (request, response) => {
    if (request.url?.split("?", 1)[0] !== path) return next(request, response);
    // What is in the body is the same for all.
    request.resume();
    void respond(options, request, response);
  };
}

async function respond(
  options: TokenEndpointOptions,
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): Promise<void> {
  const { status, body } = await answer(options, request);
  if (!response.writable) return;
  response.statusCode = status;
  response.setHeader("content-type", "application/json");
  response.setHeader("cache-control", "no-store");
  response.end(JSON.stringify(body));
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, string | number>>;
}

async function answer(
  { tokens, clock, log }: TokenEndpointOptions,
  { method, headers }: IncomingMessage | Http2ServerRequest,
): Promise<Answer> {
  if (method !== "POST") return failed(405, "invalid_request", `use POST, not ${method}`);
  const token = clientSecret(headers.authorization);
  if (token === undefined)
    return failed(401, "invalid_client", "send HTTP Basic with the pod's token as the client's secret");
  try {
    const verified = await tokens.verifyToken(token, taskGatewayAudience, AbortSignal.timeout(verifyMs));
    if (!verified.ok) return failed(401, "invalid_client", verified.reason);
    const seconds = Math.min(Math.floor((verified.expiresAt - clock.now()) / 1_000), 3_600);
    return { status: 200, body: { access_token: token, token_type: "Bearer", expires_in: seconds } };
  } catch (error) {
    log.warn({ event: "gateway.token_unverified", error: messageOf(error) });
    return failed(503, "temporarily_unavailable", "the token could not be verified: the API server does not answer");
  }
}

/** RFC 6749, 2.3.1: both parts are form-encoded. */
function clientSecret(authorization: string | undefined): string | undefined {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? "") ?? [];
  const [, secret] = /^[^:]*:(.+)$/.exec(Buffer.from(encoded ?? "", "base64").toString("utf8")) ?? [];
  try {
    return secret === undefined ? undefined : decodeURIComponent(secret.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

function failed(status: number, error: string, error_description: string): Answer {
  return { status, body: { error, error_description } };
}
