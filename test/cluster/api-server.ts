/**
 * A real kube-apiserver on a real etcd, at wish with the controllers that clean up: no scheduler, no kubelet. What our client, our controllers and the embedded
 * API are measured against. On free ports of the loopback interface, in a folder of its own.
 */
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { writeKubeconfig } from "@homeplane/kube-embedded";
import { issueCa, issueLeaf } from "@homeplane/kube-embedded/certs";
import { Child } from "./child.ts";
import { buildProgram } from "./go-program.ts";

const programs = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"] as const;

export interface ApiServer extends AsyncDisposable {
  readonly url: string;
  readonly kubeconfig: string;
  /** A kubectl of the same version. */
  readonly kubectl: string;
}

export interface ApiServerOptions {
  /** False keeps etcd from waiting for the disk; true for benchmarks. */
  readonly fsync?: boolean;
  /** Garbage collection by owner, the end of namespaces, accounts, quotas. */
  readonly controllers?: boolean;
  readonly say?: (line: string) => void;
}

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const { fsync = false, controllers = false, say = () => undefined } = options;
  const program = await buildProgram("kubernetes", say);
  const folder = await mkdtemp(join(tmpdir(), "homeplane-api-server-"));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  try {
    await mkdir(join(folder, "bin"));
    for (const name of programs) await symlink(program, join(folder, "bin", name));
    const ports = { client: await freePort(), peer: await freePort(), api: await freePort() };
    const url = `https://127.0.0.1:${ports.api}`;
    const kubeconfig = join(folder, "kubeconfig");
    await writeCredentials(folder, url, kubeconfig);
    const kubectl = join(folder, "bin/kubectl");

    const etcd = stack.use(new Child(join(folder, "bin/etcd"), etcdArguments(folder, ports, fsync), folder));
    await etcd.until("an answer", 30_000, async () => (await fetch(`http://127.0.0.1:${ports.client}/health`)).ok);
    const server = new Child(join(folder, "bin/kube-apiserver"), apiArguments(folder, ports), folder);
    stack.use(server);
    await server.until("readiness", 90_000, async () => {
      const ask = ["--kubeconfig", kubeconfig, "--request-timeout=2s", "get", "--raw", "/readyz"];
      return (await promisify(execFile)(kubectl, ask)).stdout === "ok";
    });
    if (controllers)
      stack.use(
        new Child(join(folder, "bin/kube-controller-manager"), controllerArguments(folder, kubeconfig), folder),
      );
    const owned = stack.move();
    return { url, kubeconfig, kubectl, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

interface Ports {
  readonly client: number;
  readonly peer: number;
  readonly api: number;
}

async function writeCredentials(folder: string, url: string, kubeconfig: string): Promise<void> {
  const now = Date.now();
  const ca = await issueCa(now, 2);
  const leaf = { ca, now, days: 1 };
  const names = [{ type: "ip" as const, value: "127.0.0.1" }];
  const server = await issueLeaf({ ...leaf, subject: "CN=kube-apiserver", usage: "server", names });
  const admin = await issueLeaf({ ...leaf, subject: "O=system:masters, CN=admin", usage: "client", names: [] });
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const accounts = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const files = { "ca.crt": ca.cert, "server.crt": server.cert, "server.key": server.key, "accounts.key": accounts };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  await writeKubeconfig({ path: kubeconfig, url, ca: ca.cert, cert: admin.cert, key: admin.key });
}

function etcdArguments(folder: string, { client, peer }: Ports, fsync: boolean): string[] {
  const urls = { client: `http://127.0.0.1:${client}`, peer: `http://127.0.0.1:${peer}` };
  return [
    ...["--data-dir", join(folder, "etcd"), "--log-level", "warn"],
    ...["--listen-client-urls", urls.client, "--advertise-client-urls", urls.client],
    ...["--listen-peer-urls", urls.peer, "--initial-advertise-peer-urls", urls.peer],
    ...["--initial-cluster", `default=${urls.peer}`],
    ...(fsync ? [] : ["--unsafe-no-fsync"]),
  ];
}

function apiArguments(folder: string, { client, api }: Ports): string[] {
  return [
    ...["--etcd-servers", `http://127.0.0.1:${client}`],
    ...["--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1", "--secure-port", String(api)],
    ...["--tls-cert-file", join(folder, "server.crt"), "--tls-private-key-file", join(folder, "server.key")],
    ...["--client-ca-file", join(folder, "ca.crt"), "--authorization-mode", "RBAC"],
    ...["--service-account-issuer", "https://kubernetes.default.svc"],
    ...["--service-account-key-file", join(folder, "accounts.key")],
    ...["--service-account-signing-key-file", join(folder, "accounts.key")],
    ...["--service-cluster-ip-range", "10.96.0.0/16", "--watch-cache=true"],
    // The embedded API has no tolerations and no priorities.
    ...["--disable-admission-plugins", "DefaultTolerationSeconds,Priority"],
  ];
}

function controllerArguments(folder: string, kubeconfig: string): string[] {
  const names = [
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "resourcequota-controller",
  ];
  return [
    ...["--kubeconfig", kubeconfig, "--controllers", names.join(","), "--leader-elect=false", "--secure-port=0"],
    ...["--root-ca-file", join(folder, "ca.crt"), "--service-account-private-key-file", join(folder, "accounts.key")],
  ];
}

/** Free now: it is taken a moment later, and a start that loses the race fails and says so. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no free port");
  return address.port;
}
