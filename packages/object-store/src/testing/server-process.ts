import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { systemClock as clock } from "@homeplane/runtime-kit";
import type { Presigner } from "../port.ts";
import { createPresigner } from "../sigv4/presigner.ts";
import { credentials, credentialSource } from "./credentials.ts";
import { type Answer, send } from "./harness.ts";
import { signHeaders } from "./sign.ts";

const serve = join(import.meta.dirname, "serve.ts");

/** `serve.ts` on a folder; `wrap` is a program and its arguments that start it. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly presigner: Presigner;
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(child: ChildProcess, lines: Interface, url: string) {
    this.#child = child;
    this.#lines = lines;
    this.url = url;
    this.presigner = createPresigner({ endpoint: url, region: "us-east-1", credentials: credentialSource, clock });
  }

  static async start(root: string, wrap: readonly string[] = []): Promise<ServerProcess> {
    const command = [...wrap, process.execPath, serve, root];
    const [program, args] = [command[0] ?? process.execPath, command.slice(1)];
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout });
    const url = await Promise.race([
      nextLine(lines),
      once(child, "exit").then(([code]) => Promise.reject(new Error(`the server ended with ${code}`))),
    ]);
    return new ServerProcess(child, lines, url);
  }

  call(method: string, target: string, body?: Uint8Array | string, headers = {}): Promise<Answer> {
    const url = this.url + target;
    const signed = signHeaders({
      ...credentials,
      method,
      url,
      headers,
      at: new Date(),
      ...(body !== undefined && { body }),
    });
    return send(method, url, signed, body);
  }

  /** Bytes. */
  async peakMemory(): Promise<number> {
    const line = nextLine(this.#lines);
    this.#child.stdin?.write("\n");
    return Number(await line);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

async function nextLine(lines: Interface): Promise<string> {
  const [line] = (await once(lines, "line", { signal: AbortSignal.timeout(30_000) })) as [string];
  return line;
}
