/**
 * Fairness in one process. Between components that are wired together in process a call never leaves the microtask queue, and as long as that is not
 * empty no socket is read: a few hundred actions at work would keep every client waiting until all of them are through. Here a call takes its turn:
 * one for each pass of the event loop while there is more to do than fits into a slice, none while there is not.
 */
import type { Transport as ChannelTransport } from "@connectrpc/connect";
import type { Transport as KubeTransport } from "@homeplane/kube";

/** Work that goes on without a look at the sockets. */
const sliceMs = 2;

export class Turns {
  readonly #waiting: (() => void)[] = [];
  #sliceBegan = 0;

  take(): Promise<void> | undefined {
    if (this.#waiting.length === 0 && performance.now() - this.#sliceBegan < sliceMs) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(this.#next);
    });
  }

  readonly #next = (): void => {
    this.#sliceBegan = performance.now();
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(this.#next);
  };
}

export function kubeInTurns(transport: KubeTransport, turns: Turns): KubeTransport {
  return {
    request: async (request) => {
      await turns.take();
      return transport.request(request);
    },
    close: () => transport.close(),
  };
}

export function channelInTurns(transport: ChannelTransport, turns: Turns): ChannelTransport {
  return {
    unary: async (...call) => {
      await turns.take();
      return transport.unary(...call);
    },
    stream: (...call) => transport.stream(...call),
  };
}
