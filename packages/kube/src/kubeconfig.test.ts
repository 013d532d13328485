import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HomeplaneError } from "@homeplane/runtime-kit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stringify } from "yaml";
import { credentialsOf } from "./credentials.ts";
import { inClusterConfig } from "./in-cluster.ts";
import { loadKubeconfig } from "./kubeconfig.ts";
import { testCertificate } from "./testing/test-certificate.ts";
import { VirtualClock } from "./testing/virtual-clock.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kubeconfig-"));
});
afterEach(() => rm(directory, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString("base64");

async function write(cluster: unknown, user: unknown, more: Record<string, unknown> = {}): Promise<string> {
  const path = join(directory, "config");
  const context = { cluster: "c", user: "u", namespace: "team" };
  const document = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "main",
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user }],
    contexts: [{ name: "main", context }],
    ...more,
  };
  await writeFile(path, stringify(document));
  return path;
}

async function script(body: string): Promise<string> {
  await writeFile(join(directory, "plugin.sh"), `#!/bin/sh\n${body}\n`);
  await chmod(join(directory, "plugin.sh"), 0o755);
  return "./plugin.sh";
}

test("certificates are read from the file itself or from files beside it", async () => {
  const { certificate, key } = testCertificate("homeplane");
  await writeFile(join(directory, "ca.pem"), certificate);
  const cluster = { server: "https://127.0.0.1:6443", "certificate-authority": "ca.pem", "tls-server-name": "kube" };
  const user = { "client-certificate-data": base64(certificate), "client-key-data": base64(key) };
  expect(await loadKubeconfig(await write(cluster, user))).toEqual({
    server: "https://127.0.0.1:6443",
    namespace: "team",
    ca: certificate,
    serverName: "kube",
    certificate,
    key,
  });
});

test("a token file wins over a token, and is resolved against the kubeconfig", async () => {
  const cluster = { server: "https://k", "insecure-skip-tls-verify": true };
  const both = await loadKubeconfig(await write(cluster, { token: "t", tokenFile: "token" }));
  expect(both.token).toEqual({ kind: "file", path: join(directory, "token") });
  expect(both.insecureSkipVerify).toBe(true);
  expect((await loadKubeconfig(await write(cluster, { token: "t" }))).token).toEqual({ kind: "static", token: "t" });
});

test("every broken field is named, and no secret is quoted", async () => {
  const server = "https://k";
  const cases: [unknown, unknown, Record<string, unknown>, string][] = [
    [{}, {}, {}, "clusters[0].cluster.server is missing"],
    [{ server: "nonsense" }, {}, {}, "clusters[0].cluster.server is no http or https URL"],
    [
      { server, "certificate-authority-data": "c2VjcmV0" },
      {},
      {},
      "clusters[0].cluster.certificate-authority-data is no base64",
    ],
    [{ server, "certificate-authority": "missing.pem" }, {}, {}, "clusters[0].cluster.certificate-authority names"],
    [{ server, "insecure-skip-tls-verify": "yes" }, {}, {}, "insecure-skip-tls-verify must be true or false"],
    [{ server }, { "client-certificate-data": base64("-----BEGIN X") }, {}, "users[0].user.client-key is missing"],
    [{ server }, { token: ["secret"] }, {}, "users[0].user.token must be a string"],
    [{ server }, { exec: { apiVersion: "client.authentication.k8s.io/v1alpha1" } }, {}, "exec.apiVersion must be"],
    [
      { server },
      { exec: { apiVersion: "client.authentication.k8s.io/v1" } },
      {},
      "users[0].user.exec.command is missing",
    ],
    [{ server }, { "auth-provider": { name: "gcp" } }, {}, "users[0].user.auth-provider"],
    [{ server }, {}, { "current-context": undefined }, "current-context is missing"],
    [{ server }, {}, { "current-context": "other" }, 'contexts has no entry named "other"'],
    [{ server }, {}, { users: "none" }, "users must be a list"],
  ];
  for (const [cluster, user, more, complaint] of cases) {
    const error: unknown = await loadKubeconfig(await write(cluster, user, more)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HomeplaneError);
    expect(String(error)).toContain(complaint);
    expect(String(error)).not.toContain("secret");
  }
  await expect(loadKubeconfig(join(directory, "absent"))).rejects.toMatchObject({ code: "kube.kubeconfig_unreadable" });
  await writeFile(join(directory, "torn"), "clusters: [");
  await expect(loadKubeconfig(join(directory, "torn"))).rejects.toMatchObject({ code: "kube.kubeconfig_unreadable" });
});

test("a plug-in is run with its arguments and environment, and again only when its credential ends or is refused", async () => {
  const clock = new VirtualClock();
  const expires = new Date(clock.now() + 600_000).toISOString();
  const answer = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'$1-$WHO-$HOME-$n'","expirationTimestamp":"${expires}"}}`;
  const command = await script(`n=$(cat count 2>/dev/null || echo 0)\nn=$((n+1))\necho $n > count\necho '${answer}'`);
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command,
    args: ["first"],
    env: [{ name: "WHO", value: "me" }],
    interactiveMode: "IfAvailable",
    provideClusterInfo: true,
  };
  const env = { HOME: "h", PATH: "/usr/bin:/bin", NOT: undefined };
  const config = await loadKubeconfig(await write({ server: "https://k" }, { exec }), { env });
  if (config.token?.kind !== "exec") throw new Error("no plug-in");
  // The script counts beside itself, wherever the tests run.
  const { plugin } = config.token;
  const inside = {
    ...plugin,
    command: "/bin/sh",
    args: ["-c", `cd "${directory}" && exec "$0" "$@"`, plugin.command, ...plugin.args],
  };
  const source = credentialsOf({ ...config, token: { kind: "exec", plugin: inside } }, clock);
  const [one, same] = await Promise.all([source.current(), source.current()]);
  expect([one.token, same.token]).toEqual(["first-me-h-1", "first-me-h-1"]);
  await clock.advance(500_000);
  expect((await source.current()).token).toBe("first-me-h-1");
  await clock.advance(71_000);
  expect((await source.current()).token).toBe("first-me-h-2");
  source.invalidate();
  expect((await source.current()).token).toBe("first-me-h-3");
});

test("a plug-in is asked in the version that the kubeconfig names, as the tools of EKS and GKE write v1beta1", async () => {
  const command = await script(
    'v=$(echo "$KUBERNETES_EXEC_INFO" | sed -E \'s/.*"apiVersion":"([^"]+)".*/\\1/\')\necho "{\\"apiVersion\\":\\"$v\\",\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"$v\\"}}"',
  );
  for (const version of ["v1", "v1beta1"]) {
    const exec = { apiVersion: `client.authentication.k8s.io/${version}`, command };
    const env = { PATH: "/usr/bin:/bin" };
    const config = await loadKubeconfig(await write({ server: "https://k" }, { exec }), { env });
    const { token } = await credentialsOf(config, new VirtualClock()).current();
    expect(token).toBe(`client.authentication.k8s.io/${version}`);
  }
});

test("a plug-in that fails says why, with its own hint, and is tried again", async () => {
  const command = await script("echo no such profile >&2; exit 3");
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command, installHint: "Log in first." };
  const config = await loadKubeconfig(await write({ server: "https://k" }, { exec }), {
    env: { PATH: "/usr/bin:/bin" },
  });
  const source = credentialsOf(config, new VirtualClock());
  await expect(source.current()).rejects.toThrow("no such profile");
  await expect(source.current()).rejects.toMatchObject({
    cause: { code: "kube.exec_plugin_failed", nextStep: "Log in first." },
  });
  await script(`echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{}}'`);
  await expect(source.current()).rejects.toThrow("no token and no certificate");
});

test("in a pod, the mounted account is used; outside, the error says what is missing", async () => {
  for (const name of ["token", "ca.crt", "namespace"]) await writeFile(join(directory, name), `${name}\n`);
  expect(await inClusterConfig({ host: "fd00::1", port: "443", directory })).toEqual({
    server: "https://[fd00::1]:443",
    namespace: "namespace",
    ca: "ca.crt\n",
    token: { kind: "file", path: join(directory, "token") },
  });
  await expect(inClusterConfig({ host: undefined, port: "443", directory })).rejects.toThrow("KUBERNETES_SERVICE_HOST");
  await rm(join(directory, "token"));
  await expect(inClusterConfig({ host: "h", port: "443", directory })).rejects.toMatchObject({
    code: "kube.not_in_cluster",
  });
});
