import { createPublicKey, verify } from "node:crypto";
import { expect, test } from "vitest";
import { type JsonObject, textAt } from "../store/json.ts";
import { KubeFixture, podBody } from "../testing/kube-fixture.ts";

const ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts";
const REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews";

async function request(kube: KubeFixture, spec: JsonObject, account = "default") {
  return await kube.call("POST", `${ACCOUNTS}/${account}/token`, { spec });
}

async function tokenOf(kube: KubeFixture, spec: JsonObject = {}): Promise<string> {
  const { object, status } = await request(kube, spec);
  expect(status).toBe(201);
  return textAt(object.status, "token") ?? "";
}

async function review(kube: KubeFixture, token: string, audiences?: string[]): Promise<JsonObject> {
  const spec = { token, ...(audiences === undefined ? {} : { audiences }) };
  return (await kube.call("POST", REVIEWS, { spec })).object.status as JsonObject;
}

test("a token carries account, audience, pod and expiry, is signed with the published key, and a review confirms all of it", async () => {
  await using kube = new KubeFixture();
  const pod = (await kube.call("POST", "/api/v1/namespaces/default/pods", podBody("p"))).object;
  const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: "p", uid: pod.metadata.uid ?? "" };
  const spec = { audiences: ["homeplane"], expirationSeconds: 900, boundObjectRef };
  const token = await tokenOf(kube, spec);
  const [header = "", body = "", signature = ""] = token.split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as JsonObject;
  const now = kube.clock.now() / 1000;
  expect(claims).toMatchObject({
    aud: ["homeplane"],
    iat: now,
    exp: now + 900,
    sub: "system:serviceaccount:default:default",
    "kubernetes.io": { namespace: "default", pod: { name: "p", uid: pod.metadata.uid } },
  });
  const jwks = (await kube.call("GET", "/openid/v1/jwks")).object as unknown as { keys: JsonObject[] };
  const key = createPublicKey({ key: jwks.keys[0] as never, format: "jwk" });
  const how = { key, dsaEncoding: "ieee-p1363" } as const;
  expect(verify("sha256", Buffer.from(`${header}.${body}`), how, Buffer.from(signature, "base64url"))).toBe(true);
  expect(await review(kube, token, ["homeplane", "other"])).toMatchObject({
    authenticated: true,
    audiences: ["homeplane"],
    user: {
      username: "system:serviceaccount:default:default",
      groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
      extra: { "authentication.kubernetes.io/pod-name": ["p"] },
    },
  });
});

test("a token is good for its audience only, and not after its time", async () => {
  await using kube = new KubeFixture();
  const token = await tokenOf(kube, { audiences: ["a"], expirationSeconds: 600 });
  expect(await review(kube, token)).toMatchObject({
    authenticated: false,
    error: expect.stringContaining("audiences"),
  });
  kube.clock.advance(599_000);
  expect(await review(kube, token, ["a"])).toMatchObject({ authenticated: true });
  kube.clock.advance(1_000);
  expect(await review(kube, token, ["a"])).toEqual({ authenticated: false, error: "token has expired" });
});

test("a token ends with the pod it is bound to, and with its account", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", "/api/v1/namespaces/default/pods", podBody("p"));
  const bound = await tokenOf(kube, { boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "p" } });
  await kube.call("POST", ACCOUNTS, { metadata: { name: "robot" } });
  const robot = textAt((await request(kube, {}, "robot")).object.status, "token") ?? "";
  expect(await review(kube, robot)).toMatchObject({ authenticated: true });
  await kube.call("DELETE", "/api/v1/namespaces/default/pods/p");
  await kube.call("POST", "/api/v1/namespaces/default/pods", podBody("p"));
  expect(await review(kube, bound)).toMatchObject({ authenticated: false });
  await kube.call("DELETE", `${ACCOUNTS}/robot`);
  await kube.call("POST", ACCOUNTS, { metadata: { name: "robot" } });
  expect(await review(kube, robot)).toMatchObject({ authenticated: false });
});

test.each([
  ["nothing", ""],
  ["no token at all", "abc"],
  ["a token without signature", `${Buffer.from('{"alg":"none"}').toString("base64url")}.e30.`],
])("%s is nobody's", async (_what, token) => {
  await using kube = new KubeFixture();
  const answer = await kube.call("POST", REVIEWS, { spec: { token } });
  if (token === "") expect(answer.status).toBe(400);
  else expect(answer.object.status).toEqual({ authenticated: false, error: "invalid bearer token" });
});

test("a changed token is nobody's", async () => {
  await using kube = new KubeFixture();
  const [header = "", body = "", signature = ""] = (await tokenOf(kube)).split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as JsonObject;
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: "system:admin" })).toString("base64url");
  expect(await review(kube, `${header}.${forged}.${signature}`)).toMatchObject({ authenticated: false });
});

test("what a token can not be given for is refused with its reason", async () => {
  await using kube = new KubeFixture();
  await kube.call("POST", ACCOUNTS, { metadata: { name: "robot" } });
  await kube.call("POST", "/api/v1/namespaces/default/pods", podBody("p"));
  const pod = { kind: "Pod", apiVersion: "v1", name: "p" };
  const cases = [
    [await request(kube, { expirationSeconds: 10 }), 422, "less than 10 minutes"],
    [await request(kube, {}, "nobody"), 404, 'serviceaccounts "nobody" not found'],
    [await request(kube, { boundObjectRef: pod }, "robot"), 400, "different serviceaccount name"],
    [await request(kube, { boundObjectRef: { ...pod, uid: "x" } }), 409, "does not match the UID in record"],
    [await request(kube, { boundObjectRef: { ...pod, name: "q" } }), 404, 'pods "q" not found'],
    [await request(kube, { boundObjectRef: { ...pod, kind: "Job" } }), 422, "boundObjectRef.kind"],
  ] as const;
  for (const [answer, status, message] of cases) {
    expect(answer.status).toBe(status);
    expect(answer.object.message).toContain(message);
  }
});

test("the account `default` is there with its namespace, and comes back when it is deleted", async () => {
  await using kube = new KubeFixture();
  kube.run();
  await kube.call("POST", "/api/v1/namespaces", { metadata: { name: "n" } });
  const path = "/api/v1/namespaces/n/serviceaccounts/default";
  const first = (await kube.call("GET", path)).object.metadata.uid;
  await kube.call("DELETE", path);
  await expect.poll(async () => (await kube.call("GET", path)).status).toBe(200);
  expect((await kube.call("GET", path)).object.metadata.uid).not.toBe(first);
  await kube.call("DELETE", "/api/v1/namespaces/n");
  await kube.untilGone("/api/v1/namespaces/n");
});

test("who may do what is answered as it is: who gets in may do everything, nobody else gets in", async () => {
  await using kube = new KubeFixture();
  const path = "/apis/authorization.k8s.io/v1";
  const resourceAttributes = { verb: "get", resource: "pods" };
  const self = await kube.call("POST", `${path}/selfsubjectaccessreviews`, { spec: { resourceAttributes } });
  expect(self.object.status).toMatchObject({ allowed: true });
  const user = "system:serviceaccount:default:default";
  const other = await kube.call("POST", `${path}/subjectaccessreviews`, { spec: { user, resourceAttributes } });
  expect(other.object.status).toMatchObject({ allowed: false });
  expect((await kube.call("GET", `${path}/subjectaccessreviews`)).status).toBe(405);
});
