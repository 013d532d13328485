import type { KubeObject } from "../meta.ts";

/** Kubernetes API reference, `TokenRequest v1 authentication.k8s.io`, `spec`. */
export interface TokenRequestSpec {
  /** Empty: the API server's own. */
  readonly audiences: readonly string[];
  /** At least 600. */
  readonly expirationSeconds?: number;
  /** The token is good as long as this object exists. */
  readonly boundObjectRef?: {
    readonly kind: string;
    readonly apiVersion: string;
    readonly name: string;
    readonly uid?: string;
  };
}

export interface IssuedToken {
  readonly token: string;
  /** RFC 3339. */
  readonly expirationTimestamp: string;
}

/** Kubernetes API reference, `TokenReview v1 authentication.k8s.io`: a create is answered with its `status`. */
export interface TokenReview extends KubeObject {
  spec: { token: string; audiences?: string[] };
  status?: {
    authenticated?: boolean;
    user?: { username?: string; uid?: string; groups?: string[]; extra?: Record<string, string[]> };
    audiences?: string[];
    error?: string;
  };
}
