/**
 * Credentials of a role for a token that the cluster projects into the pod (IRSA on EKS, MinIO's STS, and others). Renewed when they are
 * asked for and a third of their life is left, in the background and once for all who ask; the old ones are served meanwhile, and never
 * once they have ended. A failed renewal is not tried again before a pause that grows.
 */
import { readFile } from "node:fs/promises";
import { type Backoff, backoffMs, type Clock, messageOf, type Random } from "@homeplane/runtime-kit";
import { ObjectStoreError } from "../error.ts";
import { createHttpClient, type OutboundProxy } from "../s3-client/http-client.ts";
import { abortable } from "./abortable.ts";
import type { CredentialRequest, CredentialSource, SessionCredentials } from "./source.ts";
import { assumeRoleWithWebIdentity, OPERATION, stsEndpointOf } from "./sts-call.ts";

/** An answer of the STS, with its waiting for the identity provider. */
const CALL_TIMEOUT_MS = 20_000;
/** Credentials are not used for a request that they may not live to see the end of. */
const MARGIN_MS = 30_000;
const DURATION_SECONDS = 3600;
const RENEW_AT_SHARE = 1 / 3;
/** A longer life that is wished for is no reason to renew credentials that are as new as that. */
const NEW_FOR_SHARE = 1 / 12;
const PAUSE: Backoff = { baseMs: 500, maxMs: 30_000, jitter: "full" };

export interface WebIdentityOptions {
  readonly region: string;
  /** `https://host[:port]`; absent = the region's STS of AWS. */
  readonly stsEndpoint?: string;
  /** What AWS and MinIO know the role by; absent where an STS takes none. */
  readonly roleArn?: string;
  /** Read anew for each call: the cluster replaces it long before it ends. */
  readonly tokenFile: string;
  /** Seen in the store's audit log: letters, digits and `=,.@-`, 2 to 64. */
  readonly sessionName: string;
  /** 900 to the role's own limit; default an hour, which every role has. Without it, MinIO's would end with the token. */
  readonly durationSeconds?: number;
  /** An IAM policy document that narrows what the role may do, such as `prefixPolicy` makes. */
  readonly sessionPolicy?: string;
  /** An extra CA of the STS; read again when it changes. */
  readonly caFile?: string;
  readonly proxy?: OutboundProxy;
  readonly clock: Clock;
  readonly random: Random;
}

export interface WebIdentityCredentials extends CredentialSource {
  close(): Promise<void>;
}

interface Held {
  readonly credentials: SessionCredentials;
  readonly endsAt: number;
  readonly obtainedAt: number;
}

export function webIdentityCredentials(options: WebIdentityOptions): WebIdentityCredentials {
  const { clock, random, tokenFile } = options;
  const endpoint = stsEndpointOf(options.stsEndpoint, options.region);
  const http = createHttpClient({ caFile: options.caFile, proxy: options.proxy, clock });
  let held: Held | undefined;
  let renewing: Promise<SessionCredentials> | undefined;
  let failure: { readonly error: unknown; readonly times: number; readonly notBefore: number } | undefined;

  async function obtain(): Promise<SessionCredentials> {
    const token = await readToken(tokenFile);
    const { sessionName, roleArn, durationSeconds = DURATION_SECONDS, sessionPolicy } = options;
    const call = {
      endpoint,
      token,
      sessionName,
      durationSeconds,
      ...(roleArn !== undefined && { roleArn }),
      ...(sessionPolicy !== undefined && { sessionPolicy }),
    };
    return assumeRoleWithWebIdentity(http, call, AbortSignal.timeout(CALL_TIMEOUT_MS));
  }

  async function renewOnce(): Promise<SessionCredentials> {
    try {
      const credentials = await obtain();
      const obtainedAt = clock.now();
      held = { credentials, obtainedAt, endsAt: credentials.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY };
      failure = undefined;
      return credentials;
    } catch (error) {
      const times = (failure?.times ?? 0) + 1;
      failure = { error, times, notBefore: clock.now() + backoffMs(PAUSE, times - 1, random) };
      throw error;
    } finally {
      renewing = undefined;
    }
  }

  /** One call at a time, whoever asks; it is nobody's to abort. */
  function renew(): Promise<SessionCredentials> {
    const leftMs = failure === undefined ? 0 : failure.notBefore - clock.now();
    // A longer one than there is means that the clock was set back.
    if (failure !== undefined && leftMs > 0 && leftMs <= PAUSE.maxMs) return Promise.reject(failure.error);
    renewing ??= renewOnce();
    return renewing;
  }

  return {
    async get({ remainingMs = 0, signal }: CredentialRequest = {}) {
      signal?.throwIfAborted();
      if (held === undefined || held.endsAt - clock.now() <= MARGIN_MS) return abortable(renew(), signal);
      const { credentials, endsAt, obtainedAt } = held;
      const [left, life, age] = [endsAt - clock.now(), endsAt - obtainedAt, clock.now() - obtainedAt];
      if (left < remainingMs && age > life * NEW_FOR_SHARE) return abortable(renew(), signal).catch(() => credentials);
      if (left < life * RENEW_AT_SHARE) void renew().catch(() => undefined);
      return credentials;
    },
    invalidate(refused) {
      if (held?.credentials === refused) held = undefined;
    },
    close: () => http.close(),
  };
}

async function readToken(file: string): Promise<string> {
  let token: string;
  try {
    token = (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw unusable(`the web identity token can not be read: ${messageOf(error)}`, error);
  }
  if (token === "") throw unusable(`the web identity token in ${file} is empty`);
  return token;
}

function unusable(message: string, cause?: unknown): ObjectStoreError {
  return new ObjectStoreError("Unauthenticated", `${OPERATION} was not called: ${message}`, {
    cause,
    call: { operation: OPERATION },
  });
}
