import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { systemClock } from "@homeplane/runtime-kit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createPresigner } from "../sigv4/presigner.ts";
import { type FakeSts, granted, refused, startFakeSts } from "../testing/fake-sts.ts";
import { prefixPolicy } from "./prefix-policy.ts";
import { type WebIdentityCredentials, webIdentityCredentials, type WebIdentityOptions } from "./web-identity.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;
let sts: FakeSts;
let folder = "";
let tokenFile = "";
let skip = 0;
let source: WebIdentityCredentials;
const clock = { ...systemClock, now: () => Date.now() + skip };

beforeEach(async () => {
  skip = 0;
  sts = await startFakeSts();
  folder = await mkdtemp(join(tmpdir(), "web-identity-"));
  tokenFile = join(folder, "token");
  await writeFile(tokenFile, "token-1\n");
  await writeFile(join(folder, "ca.crt"), sts.certificate);
  sts.answer = () => granted(`id-${sts.asked.length}`, clock.now() + HOUR);
  source = open();
});
afterEach(async () => {
  await source.close();
  await sts[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function open(more: Partial<WebIdentityOptions> = {}): WebIdentityCredentials {
  const common = {
    region: "eu-west-1",
    stsEndpoint: sts.url,
    roleArn: "arn:aws:iam::1:role/r",
    sessionName: "homeplane-test",
  };
  // Jitter at its longest.
  return webIdentityCredentials({
    ...common,
    tokenFile,
    caFile: join(folder, "ca.crt"),
    clock,
    random: () => 0.999,
    ...more,
  });
}
const idNow = async (): Promise<string> => (await source.get()).accessKeyId;

test("many who ask at once are one call, with the token as it is then", async () => {
  const found = await Promise.all(Array.from({ length: 20 }, () => source.get()));
  expect(new Set(found).size).toBe(1);
  expect(found[0]).toMatchObject({ accessKeyId: "id-1", secretAccessKey: "secret", sessionToken: "token+/id-1==" });
  expect(sts.asked.map((form) => Object.fromEntries(form))).toEqual([
    {
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      WebIdentityToken: "token-1",
      RoleArn: "arn:aws:iam::1:role/r",
      RoleSessionName: "homeplane-test",
      DurationSeconds: "3600",
    },
  ]);
  await writeFile(tokenFile, "token-2");
  skip = 61 * MINUTE;
  await source.get();
  expect(sts.asked.at(-1)?.get("WebIdentityToken")).toBe("token-2");
});

test("what was granted is used until a third of its life is left, then renewed while it is still served", async () => {
  expect(await idNow()).toBe("id-1");
  skip = 39 * MINUTE;
  expect(await idNow()).toBe("id-1");
  expect(sts.asked).toHaveLength(1);
  skip = 41 * MINUTE;
  expect(await idNow()).toBe("id-1");
  await vi.waitFor(async () => expect(await idNow()).toBe("id-2"));
  expect(sts.asked).toHaveLength(2);
});

test("with the STS away, what was granted is served to its end and never after it; then the error tells the call and the reason", async () => {
  await source.get();
  sts.answer = () => refused(503, "ServiceUnavailable", "come back later");
  skip = 50 * MINUTE;
  expect(await idNow()).toBe("id-1");
  skip = 58 * MINUTE;
  expect(await idNow()).toBe("id-1");
  skip = 61 * MINUTE;
  const refusal = await source.get().catch((error: unknown) => error);
  expect(refusal).toMatchObject({
    code: "Unavailable",
    call: { operation: "AssumeRoleWithWebIdentity", status: 503, requestId: "r-1" },
  });
  expect((refusal as Error).message).toBe(
    `AssumeRoleWithWebIdentity of arn:aws:iam::1:role/r at ${sts.url}/ was refused: ServiceUnavailable: come back later`,
  );
  sts.answer = () => granted("back", clock.now() + HOUR);
  skip = 70 * MINUTE;
  expect(await idNow()).toBe("back");
});

test("a failed call is not made again before a pause that grows to half a minute", async () => {
  sts.answer = () => refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
  const gaps: number[] = [];
  let last = 0;
  for (let at = 0; at < 5 * MINUTE; at += 250) {
    skip = at;
    const before = sts.asked.length;
    await expect(source.get()).rejects.toMatchObject({ code: "Unauthenticated" });
    if (sts.asked.length > before) {
      gaps.push(at - last);
      last = at;
    }
  }
  expect(gaps.length).toBeLessThan(20);
  expect(gaps.slice(1, 4)).toEqual([500, 1000, 2000]);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(30_500);
}, 120_000);

test("a clock that is set back does not keep a failed call from being made again", async () => {
  skip = 5 * HOUR;
  sts.answer = () => refused(503, "ServiceUnavailable", "");
  await expect(source.get()).rejects.toThrow("ServiceUnavailable");
  sts.answer = () => granted("back", clock.now() + HOUR);
  skip = 0;
  expect(await idNow()).toBe("back");
});

test("the way out may lead through a proxy, for all but the hosts that are named", async () => {
  const asked: string[] = [];
  const proxy = createServer().on("connect", (request: IncomingMessage, socket: Duplex) => {
    asked.push(request.url ?? "");
    const { port } = new URL(sts.url);
    const onward = connect(Number(port), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) end.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const through = open({ proxy: { url, except: "example.com" } });
    expect((await through.get()).accessKeyId).toBe("id-1");
    expect(asked).toEqual([new URL(sts.url).host]);
    const past = open({ proxy: { url, except: "127.0.0.1" } });
    expect((await past.get()).accessKeyId).toBe("id-2");
    expect(asked).toHaveLength(1);
    await through.close();
    await past.close();
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

test("who gives up waiting leaves; the call is made to its end for the others", async () => {
  const gate = Promise.withResolvers<void>();
  sts.answer = async () => {
    await gate.promise;
    return granted("late", clock.now() + HOUR);
  };
  const stop = new AbortController();
  const left = source.get({ signal: stop.signal });
  const stayed = source.get();
  await vi.waitFor(() => expect(sts.asked).toHaveLength(1));
  stop.abort(new Error("enough"));
  await expect(left).rejects.toThrow("enough");
  gate.resolve();
  expect((await stayed).accessKeyId).toBe("late");
  expect(sts.asked).toHaveLength(1);
});

test("credentials that the store refused are not handed out again", async () => {
  const first = await source.get();
  source.invalidate(first);
  const second = await source.get();
  expect(second.accessKeyId).toBe("id-2");
  // An old refusal that comes late does no harm.
  source.invalidate(first);
  expect(await source.get()).toBe(second);
});

test("a longer life is got by renewing what is not new; what is new is not renewed for it", async () => {
  await source.get({ remainingMs: 2 * HOUR });
  await source.get({ remainingMs: 2 * HOUR });
  expect(sts.asked).toHaveLength(1);
  skip = 10 * MINUTE;
  expect((await source.get({ remainingMs: 55 * MINUTE })).accessKeyId).toBe("id-2");
  expect((await source.get({ remainingMs: 55 * MINUTE })).accessKeyId).toBe("id-2");
  // Better a shorter life than none.
  skip = 20 * MINUTE;
  sts.answer = () => refused(500, "InternalFailure", "");
  expect((await source.get({ remainingMs: 55 * MINUTE })).accessKeyId).toBe("id-2");
});

test("a presigned URL carries the session's token, and never says that it lives longer than the session", async () => {
  sts.answer = () => granted("short", clock.now() + 10 * MINUTE);
  const presigner = createPresigner({ region: "eu-west-1", credentials: source, clock });
  const { url, expiresAt } = await presigner.presign({ method: "GET", bucket: "b", key: "a/b", expiresSeconds: 3600 });
  const { host, pathname, searchParams } = new URL(url);
  expect([host, pathname]).toEqual(["b.s3.eu-west-1.amazonaws.com", "/a/b"]);
  expect(searchParams.get("X-Amz-Security-Token")).toBe("token+/short==");
  expect(Number(searchParams.get("X-Amz-Expires"))).toBeLessThanOrEqual(600);
  expect(expiresAt.getTime()).toBeLessThanOrEqual(clock.now() + 10 * MINUTE);
  expect(expiresAt.getTime()).toBeGreaterThan(clock.now() + 9 * MINUTE);
});

test.each<[string, () => ReturnType<typeof refused>, string]>([
  ["a page of something else", () => ({ status: 200, body: "<html><body>hello</body></html>" }), "Internal"],
  ["no XML", () => ({ status: 200, body: "ok" }), "Internal"],
  [
    "an end that is no time",
    () => ({ ...granted("x", 0), body: granted("x", 0).body.replace(/<Expiration>.*?</, "<Expiration>soon<") }),
    "Internal",
  ],
  ["a refusal without a reason", () => ({ status: 403, body: "" }), "Unauthenticated"],
  ["an identity provider that is away", () => refused(400, "IDPCommunicationError", "later"), "Unavailable"],
  ["a token that has ended", () => refused(400, "ExpiredTokenException", "Token expired"), "Unauthenticated"],
])("%s as the STS's answer is an error that says so", async (_, answer, code) => {
  sts.answer = answer;
  await expect(source.get()).rejects.toMatchObject({ code, call: { operation: "AssumeRoleWithWebIdentity" } });
});

test("no token, an empty one, no CA, an STS in the clear: each is told by its name", async () => {
  await writeFile(tokenFile, " \n");
  await expect(open().get()).rejects.toThrow(/was not called: the web identity token in .* is empty/);
  await rm(tokenFile);
  await expect(open().get()).rejects.toThrow(/was not called: the web identity token can not be read: ENOENT/);
  await writeFile(tokenFile, "t");
  await expect(open({ caFile: join(folder, "none") }).get()).rejects.toMatchObject({ code: "Untrusted" });
  await writeFile(join(folder, "empty.crt"), "");
  await expect(open({ caFile: join(folder, "empty.crt") }).get()).rejects.toMatchObject({ code: "Untrusted" });
  expect(() => open({ stsEndpoint: "http://sts.example:1" })).toThrow("https://");
  expect(() => open({ stsEndpoint: "http://127.0.0.1.evil.example" })).toThrow("https://");
  expect(() => open({ stsEndpoint: "sts" })).toThrow("https://");
  expect(sts.asked).toHaveLength(0);
});

test("an STS that does not answer is given up", async () => {
  sts.answer = async () => {
    await setTimeout(30_000, undefined, { ref: false });
    return granted("never", 0);
  };
  const began = Date.now();
  await expect(source.get()).rejects.toMatchObject({ code: "Unavailable" });
  expect(Date.now() - began).toBeLessThan(25_000);
}, 40_000);

test("a session policy goes along, and a prefix that a policy would take for a pattern makes none", async () => {
  source = open({ sessionPolicy: prefixPolicy(["b"], "org/project/domain/") });
  await source.get();
  expect(JSON.parse(sts.asked[0]?.get("Policy") ?? "")).toMatchObject({ Version: "2012-10-17" });
  for (const prefix of ["", "a*", "a?b/", "${x}"]) expect(() => prefixPolicy(["b"], prefix)).toThrow("prefix");
});
