/** Stands in for the kubelet behind the API's `log` endpoint: logs that grow, streams that break where a test says. */
import type { PodLogRequest } from "@homeplane/kube-embedded";

export type Fault =
  /** The connection is lost after so many bytes; `clean`: it ends as if all was well. */
  | { readonly kind: "cut"; readonly afterBytes: number; readonly clean?: boolean }
  /** All bytes come, the end never does (unless not followed). */
  | { readonly kind: "hang" }
  | { readonly kind: "refuse" };

interface FakeLog {
  lines: Buffer[];
  ended: boolean;
}

export class FakeNode {
  readonly requests: PodLogRequest[] = [];
  /** Met by the next requests, one each. */
  readonly faults: Fault[] = [];
  /** Met by every request. */
  always: Fault | undefined;
  /** Bytes in a chunk. */
  chunkBytes = 1 << 16;
  readonly #logs = new Map<string, FakeLog>();
  #wakers: (() => void)[] = [];

  get open(): number {
    return this.#wakers.length;
  }

  /** Adds raw log bytes: `<time> <content>\n`, or without the newline. */
  write(pod: string, container: string, ...lines: (string | Uint8Array)[]): void {
    this.#log(pod, container).lines.push(...lines.map((line) => Buffer.from(line)));
    this.#wake();
  }

  end(pod: string, container: string): void {
    this.#log(pod, container).ended = true;
    this.#wake();
  }

  bytes(pod: string, container: string): Buffer {
    return Buffer.concat(this.#log(pod, container).lines);
  }

  /** As the API's `log` endpoint. An API server cuts `sinceTime` to whole seconds on the way to the node; so do we. */
  readonly podLogs = async function* (this: FakeNode, request: PodLogRequest): AsyncGenerator<Uint8Array> {
    this.requests.push(request);
    const fault = this.faults.shift() ?? this.always;
    if (fault?.kind === "refuse") throw new Error("the kubelet can not be reached");
    let room = fault?.kind === "cut" ? fault.afterBytes : Number.POSITIVE_INFINITY;
    const log = this.#log(request.pod, request.container);
    const since = request.sinceTime?.slice(0, 19) ?? "";
    for (let at = 0; !request.signal.aborted; ) {
      const ended = log.ended;
      for (; at < log.lines.length; at++) {
        const line = log.lines[at] ?? Buffer.alloc(0);
        if (line.toString("latin1", 0, 19) < since) continue;
        for (let from = 0; from < line.length; from += this.chunkBytes) {
          const part = line.subarray(from, from + this.chunkBytes);
          if (room > 0) yield new Uint8Array(part.subarray(0, Math.min(part.length, room)));
          room -= part.length;
          if (room >= 0) continue;
          if (fault?.kind === "cut" && fault.clean === true) return;
          throw new Error("connection reset");
        }
      }
      if (fault?.kind !== "hang" || !request.follow) {
        if (ended || !request.follow) return;
      }
      await this.#change(request.signal);
    }
  }.bind(this);

  #log(pod: string, container: string): FakeLog {
    const key = `${pod}/${container}`;
    const log = this.#logs.get(key) ?? { lines: [], ended: false };
    this.#logs.set(key, log);
    return log;
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wakers.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }
}
