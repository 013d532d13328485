/** The control plane in a process of its own, as `homeplane control-plane` starts it, and a data plane in another one: TLS on loopback between them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ensureCertificates } from "@homeplane/kube-embedded";
import { systemClock as clock } from "@homeplane/runtime-kit";
import { eventually } from "../sdk/eventually.ts";
import { root, type Sdk, SdkClient } from "../sdk/sdk-client.ts";
import type { DataPlaneSettings } from "./data-plane.ts";

const main = join(root, "packages/cli/src/main.js");
const cluster = "laptop";

interface Ports {
  readonly port: number;
  readonly clientPort: number;
  readonly probePort: number;
}

export interface ClusterAnswer {
  readonly clusters: readonly {
    readonly name: string;
    readonly connected: boolean;
    readonly tunnelConnections: number;
    readonly lastHeard?: string;
  }[];
}

export class RemoteHomeplane extends SdkClient implements AsyncDisposable {
  readonly folder: string;
  readonly python: string;
  readonly #ports: Ports;
  #controlPlane: ChildProcess | undefined;
  #dataPlane: ChildProcess | undefined;
  #storeEnvironment: Record<string, string> = {};

  private constructor(folder: string, python: string, ports: Ports) {
    super();
    this.folder = folder;
    this.python = python;
    this.#ports = ports;
  }

  static async start(sdk: Sdk): Promise<RemoteHomeplane> {
    const folder = await mkdtemp(join(tmpdir(), "homeplane-remote-"));
    // A restarted control plane must be found where it was: as a Service's address stays.
    const [port = 0, clientPort = 0, probePort = 0] = await freePorts(3);
    const homeplane = new RemoteHomeplane(folder, sdk.python, { port, clientPort, probePort });
    await ensureCertificates({ dir: folder, clock });
    await writeFile(join(folder, "token"), "a-token-of-the-tests-that-is-long-enough\n", { mode: 0o600 });
    const config = {
      dataDir: join(folder, "control-plane"),
      listen: { host: "127.0.0.1", ...homeplane.#ports },
      tls: { certFile: join(folder, "server.crt"), keyFile: join(folder, "server.key") },
      clusters: [{ name: cluster, tokenFile: join(folder, "token") }],
    };
    await writeFile(join(folder, "control-plane.yaml"), JSON.stringify(config));
    await homeplane.startControlPlane();
    await homeplane.startDataPlane();
    await homeplane.connected();
    return homeplane;
  }

  get controlPlane(): string {
    return `http://127.0.0.1:${this.#ports.clientPort}`;
  }

  get readiness(): string {
    return `http://127.0.0.1:${this.#ports.probePort}/readyz`;
  }

  async startControlPlane(): Promise<void> {
    const args = [main, "control-plane", "--config", join(this.folder, "control-plane.yaml")];
    const log = await open(join(this.folder, "control-plane.log"), "a");
    const child = spawn(process.execPath, args, { stdio: ["ignore", log.fd, "inherit"] });
    await log.close();
    this.#controlPlane = child;
    await eventually("the control plane is ready", 60_000, async () => {
      if (child.exitCode !== null)
        throw new Error(`the control plane ended with ${child.exitCode}: ${await this.controlPlaneLog()}`);
      return fetch(this.readiness).then(
        ({ ok }) => ok,
        () => false,
      );
    });
  }

  controlPlaneLog(): Promise<string> {
    return readFile(join(this.folder, "control-plane.log"), "utf8");
  }

  stopControlPlane(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    return ended(this.#controlPlane, signal);
  }

  async startDataPlane(): Promise<void> {
    const settings: DataPlaneSettings = {
      dataDir: join(this.folder, "data-plane"),
      python: this.python,
      cluster,
      controlPlane: `https://127.0.0.1:${this.#ports.port}`,
      tokenFile: join(this.folder, "token"),
      certFile: join(this.folder, "server.crt"),
      keyFile: join(this.folder, "server.key"),
      caFile: join(this.folder, "ca.crt"),
    };
    const args = [join(import.meta.dirname, "data-plane.ts"), JSON.stringify(settings)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#dataPlane = child;
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), "line", { signal: AbortSignal.timeout(60_000) }),
      once(child, "exit").then(([code]) => Promise.reject(new Error(`the data plane ended with ${code}`))),
    ])) as [string];
    this.#storeEnvironment = (JSON.parse(line) as { environment: Record<string, string> }).environment;
  }

  stopDataPlane(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    return ended(this.#dataPlane, signal);
  }

  async clusters(): Promise<ClusterAnswer["clusters"]> {
    const answer = await fetch(`${this.controlPlane}/homeplane/v1/clusters`);
    return ((await answer.json()) as ClusterAnswer).clusters;
  }

  /** Both channels are up. */
  async connected(): Promise<void> {
    await eventually("the data plane is connected", 60_000, async () => {
      const [seen] = await this.clusters();
      return seen?.connected === true && seen.tunnelConnections === 4;
    });
  }

  async environment(): Promise<Record<string, string>> {
    const config = join(this.folder, "flyte.yaml");
    const text = `admin:\n  endpoint: dns:///127.0.0.1:${this.#ports.clientPort}\n  insecure: true\ntask:\n  org: homeplane\n  project: flytesnacks\n  domain: development\n`;
    await writeFile(config, text);
    const path = process.env["PATH"] ?? "";
    return { PATH: path, HOME: this.folder, PYTHONUNBUFFERED: "1", FLYTECTL_CONFIG: config, ...this.#storeEnvironment };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.stopDataPlane("SIGTERM"), this.stopControlPlane("SIGTERM")]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function ended(child: ChildProcess | undefined, signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
  const exited = once(child, "exit");
  child.kill(signal);
  const [code] = (await exited) as [number | null];
  return code;
}

/** Held all at once, so that no two are the same. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen({ host: "127.0.0.1", port: 0 });
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
