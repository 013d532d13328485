import { silentLogger } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { KubeClient } from "./client.ts";
import { VirtualClock } from "./testing/virtual-clock.ts";
import { createTokenVerifier } from "./token-review.ts";
import type { Transport } from "./transport.ts";
import type { TokenReview } from "./types/authentication.ts";

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const jwt = (claims: object): string => `${base64({ alg: "RS256" })}.${base64(claims)}.c2ln`;

/** An API server that answers every review with `status`, and counts them. */
function setUp(status: TokenReview["status"] | (() => never)) {
  const clock = new VirtualClock();
  const reviews: TokenReview["spec"][] = [];
  const transport: Transport = {
    async request({ body = new Uint8Array() }) {
      const { spec } = JSON.parse(new TextDecoder().decode(body)) as TokenReview;
      reviews.push(spec);
      if (typeof status === "function") status();
      const answer = Buffer.from(
        JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", status }),
      );
      return {
        status: 201,
        headers: { "content-type": "application/json" },
        body: (async function* () {
          yield answer;
        })(),
      };
    },
    close: async () => undefined,
  };
  const client = new KubeClient({ transport, log: silentLogger, clock, random: () => 0 });
  return { clock, reviews, verifier: createTokenVerifier({ client, clock }) };
}

const yes: TokenReview["status"] = {
  authenticated: true,
  audiences: ["homeplane"],
  user: {
    username: "system:serviceaccount:union:executor",
    uid: "u",
    extra: { "authentication.kubernetes.io/pod-name": ["p"] },
  },
};
const inSeconds = (clock: VirtualClock, seconds: number): number => clock.now() / 1000 + seconds;

test("a good token tells its account, and the pod that it is bound to", async () => {
  const { verifier, clock, reviews } = setUp(yes);
  const token = jwt({ aud: ["homeplane"], exp: inSeconds(clock, 3600) });
  expect(await verifier.verifyToken(token, "homeplane")).toEqual({
    ok: true,
    username: "system:serviceaccount:union:executor",
    expiresAt: clock.now() + 3_600_000,
    uid: "u",
    audiences: ["homeplane"],
    extra: { "authentication.kubernetes.io/pod-name": ["p"] },
  });
  expect(reviews).toEqual([{ token, audiences: ["homeplane"] }]);
});

test("one review serves all calls of a minute, also those made at once; then the server is asked again", async () => {
  const { verifier, clock, reviews } = setUp(yes);
  const token = jwt({ aud: "homeplane", exp: inSeconds(clock, 3600) });
  await Promise.all([1, 2, 3].map(() => verifier.verifyToken(token, "homeplane")));
  await clock.advance(59_000);
  await verifier.verifyToken(token, "homeplane");
  expect(reviews).toHaveLength(1);
  await clock.advance(2_000);
  await verifier.verifyToken(token, "homeplane");
  expect(reviews).toHaveLength(2);
});

test("a kept answer is not good past the token's own end", async () => {
  const { verifier, clock } = setUp(yes);
  const token = jwt({ aud: "homeplane", exp: inSeconds(clock, 20) });
  expect(await verifier.verifyToken(token, "homeplane")).toMatchObject({ ok: true });
  await clock.advance(20_000);
  expect(await verifier.verifyToken(token, "homeplane")).toEqual({
    ok: false,
    reason: "the token expired at 2026-01-01T00:00:20.000Z",
  });
});

test.each([
  ["", "the token is no ServiceAccount token"],
  ["a.b", "the token is no ServiceAccount token"],
  [`a.${base64([1]).repeat(9_000)}.c`, "the token is no ServiceAccount token"],
  [jwt({}), 'the token is for audience (none), not "homeplane"'],
  [jwt({ aud: ["homeplane-bundle", 7] }), 'the token is for audience "homeplane-bundle", not "homeplane"'],
])("%.40s is refused without asking the server", async (token, reason) => {
  const { verifier, reviews } = setUp(yes);
  expect(await verifier.verifyToken(token, "homeplane")).toEqual({ ok: false, reason });
  expect(reviews).toEqual([]);
});

test("the server's no is told in its words, and not kept", async () => {
  const { verifier, reviews } = setUp({ authenticated: false, error: "the pod is gone" });
  const token = jwt({ aud: "homeplane" });
  for (let i = 0; i < 2; i++) {
    const reason = "the API server refused the token: the pod is gone";
    expect(await verifier.verifyToken(token, "homeplane")).toEqual({ ok: false, reason });
  }
  expect(reviews).toHaveLength(2);
});

test("a yes of a server that does not look at audiences counts for nothing", async () => {
  const { verifier } = setUp({ ...yes, audiences: [] });
  expect(await verifier.verifyToken(jwt({ aud: "homeplane" }), "homeplane")).toMatchObject({ ok: false });
});

test("an API server that does not answer is an error, no refusal, and the next call asks again", async () => {
  const { verifier, reviews } = setUp(() => {
    throw new Error("reset");
  });
  for (let i = 0; i < 2; i++) {
    await expect(verifier.verifyToken(jwt({ aud: "homeplane" }), "homeplane")).rejects.toThrow(/reset/);
  }
  expect(reviews).toHaveLength(2);
});
