/** Who may call a component: named ServiceAccounts, by the token that they show. Nothing is served to anybody else. */
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import type { DescService } from "@bufbuild/protobuf";
import { KubeError, type TokenVerifier } from "@homeplane/kube";
import type { Logger } from "@homeplane/runtime-kit";

export interface RequireCallerOptions {
  readonly tokens: TokenVerifier;
  readonly audience: string;
  /** Of our own components. */
  readonly namespace: string;
  /** Components that may call a service. */
  readonly callers: ReadonlyMap<DescService, readonly string[]>;
  readonly log: Logger;
}

export function requireCaller({ tokens, audience, namespace, callers, log }: RequireCallerOptions): Interceptor {
  const allowed = new Map([...callers].map(([service, names]) => [service.typeName, names]));
  return (next) => async (request) => {
    const service = request.service.typeName;
    const refuse = (code: Code, message: string): never => {
      log.warn({ event: "caller.refused", service, method: request.method.name, message });
      throw new ConnectError(message, code);
    };
    const token = /^Bearer (\S+)$/i.exec(request.header.get("authorization") ?? "")?.[1];
    if (token === undefined)
      return refuse(
        Code.Unauthenticated,
        `send "authorization: Bearer <token>" with a ServiceAccount token for audience "${audience}"`,
      );
    const verified = await tokens.verifyToken(token, audience, request.signal).catch(unanswered);
    if (!verified.ok) return refuse(Code.Unauthenticated, verified.reason);
    const names = allowed.get(service) ?? [];
    if (!names.some((name) => verified.username === `system:serviceaccount:${namespace}:${name}`))
      return refuse(
        Code.PermissionDenied,
        `${verified.username} may not call ${service}: only ${names.join(", ") || "nobody"} in namespace ${namespace} may`,
      );
    return next(request);
  };
}

/** No word on the token: the caller tries again. */
function unanswered(error: unknown): never {
  if (!(error instanceof KubeError)) throw error;
  const message = `the caller's token could not be verified: ${error.message}`;
  throw new ConnectError(message, Code.Unavailable, undefined, undefined, error);
}
