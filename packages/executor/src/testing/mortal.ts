import { Code, ConnectError, type Transport as ChannelTransport } from "@connectrpc/connect";
import type { Transport } from "@homeplane/kube";

/** Dies at its nth side effect: before that leaves, or after it took effect and before its answer comes. */
export interface CrashPoint {
  readonly at: number;
  readonly when: "before" | "after";
}

/** The connections of one process. Once it is dead nothing that it still does gets out. */
export class Mortal {
  readonly #dead = new AbortController();
  readonly transport: Transport;
  readonly orchestration: ChannelTransport;
  readonly secrets: ChannelTransport;
  readonly #crash: CrashPoint | undefined;
  readonly #onCrash: () => void;
  readonly #onEffect: () => void;
  #effects = 0;

  constructor(options: {
    transport: Transport;
    orchestration: ChannelTransport;
    secrets: ChannelTransport;
    crash?: CrashPoint;
    onEffect: () => void;
    onCrash: () => void;
  }) {
    this.#crash = options.crash;
    this.#onCrash = options.onCrash;
    this.#onEffect = options.onEffect;
    this.transport = {
      request: (request) => {
        const send = () => options.transport.request(request);
        return request.method === "GET" ? this.#alive(send) : this.#effect(send);
      },
      close: () => options.transport.close(),
    };
    this.orchestration = this.#channel(options.orchestration);
    this.secrets = this.#channel(options.secrets);
  }

  get signal(): AbortSignal {
    return this.#dead.signal;
  }

  kill(): void {
    this.#dead.abort(new Error("the process was killed"));
  }

  #channel(to: ChannelTransport): ChannelTransport {
    return {
      unary: (method, signal, timeoutMs, header, input, context) =>
        this.#call(method.name, () => to.unary(method, signal, timeoutMs, header, input, context)),
      stream: (method, signal, timeoutMs, header, input, context) =>
        this.#alive(() => to.stream(method, signal, timeoutMs, header, input, context)),
    };
  }

  #call<T>(method: string, send: () => Promise<T>): Promise<T> {
    return method.startsWith("List") ? this.#alive(send) : this.#effect(send);
  }

  async #alive<T>(send: () => Promise<T>): Promise<T> {
    if (this.signal.aborted) throw new ConnectError("the process is dead", Code.Unavailable);
    return await send();
  }

  async #effect<T>(send: () => Promise<T>): Promise<T> {
    const now = this.#crash !== undefined && !this.signal.aborted && ++this.#effects === this.#crash.at;
    if (now && this.#crash?.when === "before") this.#die();
    if (!this.signal.aborted) this.#onEffect();
    const answer = await this.#alive(send);
    if (now) this.#die();
    return await this.#alive(async () => answer);
  }

  #die(): void {
    this.kill();
    this.#onCrash();
  }
}
