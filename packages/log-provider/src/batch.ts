/** Chunks to messages: lines that are ready go together, none waits for longer than {@link LINGER_MS}. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TailLogsResponseSchema } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { LogLineOriginator } from "@homeplane/idl/flyteidl2/logs/dataplane/payload";
import type { Clock } from "@homeplane/runtime-kit";
import type { Chunk, Chunks } from "./chunk.ts";
import type { LogPiece } from "./line-cutter.ts";
import { timestampOf } from "./log-time.ts";

export type Message = MessageInitShape<typeof TailLogsResponseSchema>;

const MAX_LINES = 500;
const MAX_BYTES = 512 * 1024;
/** Lines written one by one become up to 100 messages a second instead of thousands. */
const LINGER_MS = 10;

class Batch {
  readonly #cluster: string;
  #groups: {
    readonly of: Chunk;
    readonly lines: { timestamp: { seconds: bigint; nanos: number }; message: string; originator: LogLineOriginator }[];
  }[] = [];
  #lines = 0;
  #bytes = 0;

  constructor(cluster: string) {
    this.#cluster = cluster;
  }

  get empty(): boolean {
    return this.#lines === 0;
  }

  /** Whether a piece of `bytes` more still fits. */
  fits(bytes: number): boolean {
    return this.#lines === 0 || (this.#lines < MAX_LINES && this.#bytes + bytes <= MAX_BYTES);
  }

  add(of: Chunk, piece: LogPiece): void {
    let group = this.#groups.at(-1);
    if (group === undefined || group.of !== of) {
      const same = group?.of.pod === of.pod && group.of.container === of.container && group.of.system === of.system;
      if (group === undefined || !same) this.#groups.push((group = { of, lines: [] }));
    }
    const originator = of.system === true ? LogLineOriginator.SYSTEM : LogLineOriginator.USER;
    // Bytes that are no UTF-8 become U+FFFD.
    group.lines.push({
      timestamp: timestampOf(piece.time),
      message: `${piece.content.toString("utf8")}\n`,
      originator,
    });
    this.#lines++;
    this.#bytes += piece.content.length;
  }

  take(): Message {
    const logs = this.#groups.map(({ of, lines }) => ({
      lines,
      container: {
        clusterName: this.#cluster,
        kubernetesNamespace: of.namespace,
        kubernetesPodName: of.pod,
        kubernetesContainerName: of.container,
      },
    }));
    this.#groups = [];
    this.#lines = 0;
    this.#bytes = 0;
    return { logs };
  }
}

type Pulled = { readonly result: IteratorResult<Chunk, unknown> } | { readonly error: unknown };

/** One chunk is read ahead at most. */
export async function* batches(source: Chunks, cluster: string, clock: Clock): AsyncGenerator<Message> {
  const batch = new Batch(cluster);
  const pull = (): Promise<Pulled> =>
    source.next().then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
  let pending = pull();
  let until = 0;
  for (;;) {
    const pulled = batch.empty ? await pending : await within(pending, until - clock.now(), clock);
    if (pulled === undefined) {
      yield batch.take();
      continue;
    }
    if ("error" in pulled || pulled.result.done === true) {
      if (!batch.empty) yield batch.take();
      if ("error" in pulled) throw pulled.error;
      return;
    }
    const chunk = pulled.result.value;
    for (const piece of chunk.pieces) {
      if (!batch.fits(piece.content.length)) yield batch.take();
      if (batch.empty) until = clock.now() + LINGER_MS;
      batch.add(chunk, piece);
    }
    pending = pull();
  }
}

/** Undefined when `promise` takes longer than `ms`. */
function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(Math.max(0, ms), () => resolve(undefined));
    promise.then(resolve, reject).finally(cancel);
  });
}
