import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { eventually } from "../../sdk/eventually.ts";
import type { ClusterEnvironment } from "../bootstrap/environment.ts";

/** `kubectl port-forward` on a free port of this machine. It ends with its pod, and with the kubelet: then it is to be started again. */
export class PortForward implements AsyncDisposable {
  readonly #cluster: ClusterEnvironment;
  readonly #args: readonly string[];
  readonly #port: number;
  #child: ChildProcess | undefined;

  private constructor(cluster: ClusterEnvironment, args: readonly string[], port: number) {
    this.#cluster = cluster;
    this.#args = args;
    this.#port = port;
  }

  /** `target` such as `deployment/control-plane`. */
  static async start(
    cluster: ClusterEnvironment,
    namespace: string,
    target: string,
    remote: number,
  ): Promise<PortForward> {
    const args = ["port-forward", "-n", namespace, target];
    const port = await freePort();
    const forward = new PortForward(cluster, [...args, `${port}:${remote}`], port);
    await forward.restart();
    return forward;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** After the pod was replaced, or what it goes through came back: tried again, for that may take a moment. */
  async restart(): Promise<void> {
    await eventually("the pod can be reached by port-forward", 60_000, () =>
      this.#start().then(
        () => true,
        () => false,
      ),
    );
  }

  async #start(): Promise<void> {
    await this.stop();
    const child = spawn(this.#cluster.kubectl, this.#args, {
      env: { ...process.env, KUBECONFIG: this.#cluster.kubeconfig },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const lines = createInterface({ input: child.stdout });
    await Promise.race([
      once(lines, "line", { signal: AbortSignal.timeout(20_000) }),
      once(child, "exit").then(() => Promise.reject(new Error(`port-forward ended: ${stderr}`))),
    ]);
    lines.on("line", () => undefined);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill();
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
