/**
 * Who shows a ServiceAccount token, by TokenReview. An answer is kept for at most a minute, never past the token's own end; a refusal is not kept,
 * as one that says why can be told without a call where the token itself shows it.
 */
import { createHash } from "node:crypto";
import type { Clock } from "@homeplane/runtime-kit";
import { untilAborted } from "./abort.ts";
import type { KubeClient } from "./client.ts";
import { tokenReviews } from "./resource-types.ts";
import { tokenClaims } from "./token-claims.ts";

export interface VerifiedToken {
  readonly ok: true;
  /** `system:serviceaccount:<namespace>:<name>` */
  readonly username: string;
  readonly uid: string;
  readonly audiences: readonly string[];
  /** Of a token that is bound to a pod: `authentication.kubernetes.io/pod-name` and `pod-uid`. */
  readonly extra: Readonly<Record<string, readonly string[]>>;
  /** Milliseconds since 1970; Infinity for a token without an end. */
  readonly expiresAt: number;
}

export interface RefusedToken {
  readonly ok: false;
  /** Never has the token in it. */
  readonly reason: string;
}

export interface TokenVerifier {
  /** Rejects with a KubeError when the API server does not answer: that is no word on the token. */
  verifyToken(token: string, audience: string, signal?: AbortSignal): Promise<VerifiedToken | RefusedToken>;
}

const KEPT_MS = 60_000;
const MAX_KEPT = 10_000;

interface Entry {
  readonly answer: Promise<VerifiedToken | RefusedToken>;
  until: number;
}

export function createTokenVerifier(options: { client: KubeClient; clock: Clock }): TokenVerifier {
  const { client, clock } = options;
  const kept = new Map<string, Entry>();

  const ask = async (token: string, audience: string, expiresAt: number): Promise<VerifiedToken | RefusedToken> => {
    const { status = {} } = await client.create(tokenReviews, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      metadata: { name: "" },
      spec: { token, audiences: [audience] },
    });
    const { authenticated, user = {}, audiences = [], error } = status;
    if (authenticated !== true) return refused(`the API server refused the token${error ? `: ${error}` : ""}`);
    // A server that knows no audiences answers without them: its yes would be for itself.
    if (!audiences.includes(audience)) return refused(`the token is not for audience "${audience}"`);
    const { username = "", uid = "", extra = {} } = user;
    return { ok: true, username, uid, audiences, extra, expiresAt };
  };

  /** Concurrent calls with one token share one review. */
  const look = (key: string, token: string, audience: string, tokenEnd: number): Entry => {
    // Longest in the map first: what goes is nearest its end.
    if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value ?? "");
    const entry: Entry = { answer: ask(token, audience, tokenEnd), until: Math.min(clock.now() + KEPT_MS, tokenEnd) };
    kept.set(key, entry);
    const forget = (): void => {
      if (kept.get(key) === entry) kept.delete(key);
    };
    entry.answer.then(({ ok }) => ok || forget(), forget);
    return entry;
  };

  return {
    async verifyToken(token, audience, signal) {
      const claims = tokenClaims(token);
      if (claims === undefined) return refused("the token is no ServiceAccount token");
      const { audiences, expiresAt = Infinity } = claims;
      if (!audiences.includes(audience)) {
        return refused(`the token is for audience ${audiences.map(quoted).join(", ") || "(none)"}, not "${audience}"`);
      }
      const now = clock.now();
      if (now >= expiresAt) return refused(`the token expired at ${new Date(expiresAt).toISOString()}`);
      const key = createHash("sha256").update(audience).update("\0").update(token).digest("base64");
      const known = kept.get(key);
      const entry = known !== undefined && now < known.until ? known : look(key, token, audience, expiresAt);
      // The review itself goes on: others may wait for it.
      return await (signal === undefined ? entry.answer : untilAborted(entry.answer, signal));
    },
  };
}

const quoted = (text: string): string => JSON.stringify(text);
const refused = (reason: string): RefusedToken => ({ ok: false, reason });
