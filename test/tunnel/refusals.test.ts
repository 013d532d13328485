import { rename, writeFile } from "node:fs/promises";
import { connect } from "node:tls";
import { join } from "node:path";
import { ensureCertificates } from "@homeplane/kube-embedded";
import { openClusterTokens } from "@homeplane/control-plane";
import { listenTls, silentLogger, systemClock as clock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { cluster, startPair, token, until } from "./pair.ts";

type Pair = Awaited<ReturnType<typeof startPair>>;

async function problemOf(pair: Pair, own: Parameters<Pair["dial"]>[0]): Promise<string> {
  const { service, stop } = pair.dial({ ...own, connections: 1 });
  await until(() => service.state().problem !== undefined);
  await stop();
  return service.state().problem ?? "";
}

test("a wrong token, and none, is refused in words", async () => {
  await using pair = await startPair();
  const { controlPlane } = pair.serviceOptions;
  for (const wrong of ["wrong", `${token}x`, token.slice(1)]) {
    const problem = await problemOf(pair, { controlPlane: { ...controlPlane, token: async () => wrong } });
    expect(problem).toContain("refused with 401: this control plane knows no cluster by this token");
  }
  expect(pair.registry.connections(cluster)).toBe(0);
});

test("a cluster can not take another one's name", async () => {
  await using pair = await startPair();
  expect(await problemOf(pair, { cluster: "staging" })).toContain('the token is that of cluster "production"');
});

test("a token is replaced without a restart; two are good at the same time meanwhile", async () => {
  await using pair = await startPair();
  const { controlPlane } = pair.serviceOptions;
  const next = "the-next-token-that-is-long-enough";
  await writeFile(`${pair.tokenFile}.new`, `${token}\n${next}\n`);
  await rename(`${pair.tokenFile}.new`, pair.tokenFile);
  const both = pair.dial({ connections: 1, controlPlane: { ...controlPlane, token: async () => next } });
  pair.dial({ connections: 1 });
  await pair.up(2);
  await both.stop();
  await writeFile(pair.tokenFile, next);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect(await problemOf(pair, {})).toContain("401");
  await writeFile(pair.tokenFile, "");
  pair.dial({ connections: 1, controlPlane: { ...controlPlane, token: async () => next } });
  await pair.up(2);
});

test.each([
  ["short", "a token has 5 characters, fewer than 22"],
  ["", "it is empty"],
  ["a token with spaces in it, which is long", "no header can carry"],
])("a token file with %j is refused at the start", async (text, words) => {
  await using pair = await startPair();
  const tokenFile = join(pair.dir, "other");
  await writeFile(tokenFile, text);
  const open = openClusterTokens([{ name: "x", tokenFile }], { clock, log: silentLogger });
  await expect(open).rejects.toMatchObject({ code: "FileUnusable", message: expect.stringContaining(words) as string });
});

test("two clusters never share a token", async () => {
  await using pair = await startPair();
  const { tokenFile } = pair;
  const two = ["a", "b"].map((name) => ({ name, tokenFile }));
  await expect(openClusterTokens(two, { clock, log: silentLogger })).rejects.toMatchObject({ code: "TokenShared" });
});

test("a certificate of another CA, an expired one and one for another name are refused by the dialling end, with the reason", async () => {
  await using pair = await startPair();
  const { controlPlane } = pair.serviceOptions;
  expect(await problemOf(pair, { controlPlane: { ...controlPlane, ca: async () => undefined } })).toMatch(
    /unable to verify|self-signed|unable to get/,
  );
  const dir = join(pair.dir, "past");
  const past = { ...clock, now: () => Date.now() - 400 * 86_400_000 };
  const old = await ensureCertificates({ dir, clock: past });
  const files = { certFile: join(dir, "server.crt"), keyFile: join(dir, "server.key") };
  const handler = (): void => undefined;
  const server = await listenTls({ host: "127.0.0.1", port: 0, handler, ...files, clock, log: silentLogger });
  expect(server.problem()).toContain("has expired on");
  const expired = { ...controlPlane, url: `https://127.0.0.1:${server.port}`, ca: async () => old.ca };
  expect(await problemOf(pair, { controlPlane: expired })).toContain("certificate has expired");
  await server.close(0);
  const renamed = controlPlane.url.replace("127.0.0.1", "127.0.0.2");
  const second = await listenTls({
    host: "127.0.0.2",
    port: Number(new URL(renamed).port),
    handler,
    certFile: join(pair.dir, "server.crt"),
    keyFile: join(pair.dir, "server.key"),
    clock,
    log: silentLogger,
  });
  expect(await problemOf(pair, { controlPlane: { ...controlPlane, url: renamed } })).toContain("altname");
  await second.close(0);
});

test.each(["TLSv1", "TLSv1.1"] as const)("%s is refused", async (version) => {
  await using pair = await startPair();
  const attempt = (versions: { minVersion: "TLSv1" | "TLSv1.2"; maxVersion: "TLSv1" | "TLSv1.1" | "TLSv1.2" }) =>
    new Promise<string>((resolve) => {
      // Level 0 lets this end of the test offer what OpenSSL has put aside.
      const options = { port: pair.controlPlane.port, host: "127.0.0.1", ca: pair.ca, ciphers: "ALL:@SECLEVEL=0" };
      const socket = connect({ ...options, ...versions }, () => {
        resolve(socket.getProtocol() ?? "");
        socket.destroy();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  expect(await attempt({ minVersion: "TLSv1", maxVersion: version })).toMatch(/PROTOCOL_VERSION|ECONNRESET/);
  expect(await attempt({ minVersion: "TLSv1.2", maxVersion: "TLSv1.2" })).toBe("TLSv1.2");
});

test("what is no tunnel is told so, and plain text is hung up on", async () => {
  await using pair = await startPair();
  const answer = (text: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ port: pair.controlPlane.port, host: "127.0.0.1", ca: pair.ca }, () =>
        socket.write(text),
      );
      let all = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        all += chunk;
      });
      socket.on("close", () => resolve(all));
    });
  const ask = (path: string, upgrade: string): string =>
    `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: ${upgrade}\r\nauthorization: Bearer ${token}\r\nx-homeplane-cluster: ${cluster}\r\n\r\n`;
  expect(await answer(ask("/other", "homeplane-tunnel"))).toMatch(/^HTTP\/1.1 404/);
  expect(await answer(ask("/homeplane/v1/tunnel", "websocket"))).toMatch(/^HTTP\/1.1 404 .*there is no upgrade/s);
});
