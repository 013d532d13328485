import type { Credentials } from "../sigv4/scope.ts";

/** Credentials that may be of a session: with a token that goes along, and an end. */
export interface SessionCredentials extends Credentials {
  readonly sessionToken?: string;
  readonly expiresAt?: Date;
}

export interface CredentialRequest {
  /** How long they should live on; the source renews them first where that helps. They may live shorter: `expiresAt` tells. */
  readonly remainingMs?: number;
  readonly signal?: AbortSignal;
}

/** Where a signer gets its credentials from, each time that it signs. */
export interface CredentialSource {
  /** Never expired ones. Throws `ObjectStoreError` that says which call was refused, and why. */
  get(request?: CredentialRequest): Promise<SessionCredentials>;
  /** The store took these for unknown or expired: they are not handed out again. */
  invalidate(refused: SessionCredentials): void;
}

/** The same ones for ever. */
export function staticCredentials(credentials: SessionCredentials): CredentialSource {
  return { get: async () => credentials, invalidate: () => undefined };
}
