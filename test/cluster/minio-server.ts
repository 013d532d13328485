/** A MinIO of a test's own: over TLS, with an STS that believes the tokens of an issuer, and roles told apart by the token's subject. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { testCertificate } from "@homeplane/kube/testing/test-certificate";
import { askMinio } from "./bootstrap/ask-minio.ts";

const START_MS = 60_000;

export interface MinioOptions {
  readonly program: string;
  readonly buckets: readonly string[];
  readonly issuer: string;
  readonly audience: string;
  /** IAM policies by name: an account has all whose conditions its token meets. */
  readonly policies: Readonly<Record<string, unknown>>;
}

export interface MinioServer extends AsyncDisposable {
  readonly url: string;
  readonly caFile: string;
  readonly roleArn: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Stops answering, and goes on. */
  pause(): void;
  resume(): void;
}

/** MinIO names the one role of a provider after the audience. */
export const roleArnOf = (audience: string): string =>
  `arn:minio:iam:::role/${createHash("sha1").update(audience).digest("base64url")}`;

export async function startMinio(options: MinioOptions): Promise<MinioServer> {
  const root = await mkdtemp(join(tmpdir(), "minio-"));
  const port = await freePort();
  const { certificate, key } = testCertificate("minio");
  await mkdir(join(root, "certs/CAs"), { recursive: true });
  const caFile = join(root, "ca.crt");
  for (const [file, text] of [
    ["certs/public.crt", certificate],
    ["certs/private.key", key],
    ["ca.crt", certificate],
  ] as const)
    await writeFile(join(root, file), text);
  const keys = { accessKeyId: "root", secretAccessKey: randomBytes(16).toString("hex") };
  const log = join(root, "minio.log");
  const out = openSync(log, "w");
  const args = [
    "server",
    "--quiet",
    "--address",
    `127.0.0.1:${port}`,
    "--certs-dir",
    join(root, "certs"),
    join(root, "data"),
  ];
  const child = spawn(options.program, args, {
    stdio: ["ignore", out, out],
    env: {
      HOME: root,
      MINIO_ROOT_USER: keys.accessKeyId,
      MINIO_ROOT_PASSWORD: keys.secretAccessKey,
      MINIO_BROWSER: "off",
      MINIO_UPDATE: "off",
      MINIO_IDENTITY_OPENID_CONFIG_URL: options.issuer,
      MINIO_IDENTITY_OPENID_CLIENT_ID: options.audience,
      MINIO_IDENTITY_OPENID_ROLE_POLICY: Object.keys(options.policies).join(","),
    },
  });
  const url = `https://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(root, { recursive: true, force: true });
  };
  try {
    const access = { url, ...keys, ca: certificate };
    const first = { method: "GET", path: "/" };
    await until(child, log, () => askMinio(access, first));
    for (const bucket of options.buckets) await askMinio(access, { method: "PUT", path: `/${bucket}` });
    for (const [name, policy] of Object.entries(options.policies)) {
      const path = `/minio/admin/v3/add-canned-policy?name=${name}`;
      await askMinio(access, { method: "PUT", path, body: JSON.stringify(policy) });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    caFile,
    roleArn: roleArnOf(options.audience),
    credentials: keys,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    [Symbol.asyncDispose]: stop,
  };
}

async function until(child: ChildProcess, log: string, ask: () => Promise<void>): Promise<void> {
  for (const last = Date.now() + START_MS; ; await setTimeout(100)) {
    try {
      return await ask();
    } catch (cause) {
      if (child.exitCode === null && Date.now() < last) continue;
      throw new Error(`MinIO does not answer:\n${readFileSync(log, "utf8").slice(-2_000)}`, { cause });
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGCONT");
  child.kill("SIGKILL");
  await exited;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
