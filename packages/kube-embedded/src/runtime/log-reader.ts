import { type FileHandle, open } from "node:fs/promises";
import { HomeplaneError } from "@homeplane/runtime-kit";
import type { ContainerLog } from "./container-log.ts";
import { isErrno } from "./end-processes.ts";
import { type CriRecord, criTime, recordAt } from "./cri-format.ts";
import { tailStart } from "./log-tail.ts";

export interface LogSelection {
  /** Go on until the container has ended. */
  readonly follow: boolean;
  /** `<time> ` before each line. */
  readonly timestamps: boolean;
  readonly tailLines?: number;
  /** RFC 3339 with nine digits, as in the log ({@link criTime}, {@link sinceOf}). */
  readonly since?: string;
  readonly limitBytes?: number;
  readonly signal: AbortSignal;
}

/** More than three of the largest records. */
const CHUNK_BYTES = 64 * 1024;
/** Wake-ups come from the log itself; this only bounds what a lost one could cost. */
const FALLBACK_MS = 1000;

/**
 * The bytes of a container's log as a kubelet serves them (pkg/kubelet/kuberuntime/logs). `live` is the log that is still being
 * written, if it is. Ends quietly when `signal` aborts.
 */
export async function* readLog(
  file: string,
  live: ContainerLog | undefined,
  selection: LogSelection,
): AsyncGenerator<Uint8Array> {
  await live?.pump();
  const log = await openLog(file);
  try {
    yield* limited(render(log, live, selection), selection.limitBytes);
  } finally {
    await log.close();
  }
}

async function openLog(file: string): Promise<FileHandle> {
  try {
    return await open(file, "r");
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    const message = "there is no log of this container: it was never started on this node";
    const next = "Read the pod's status: it says why the container did not start.";
    throw new HomeplaneError("KUBE_LOG_MISSING", message, next, { cause: error });
  }
}

async function* render(
  log: FileHandle,
  live: ContainerLog | undefined,
  selection: LogSelection,
): AsyncGenerator<Uint8Array> {
  const { signal } = selection;
  const lines = new LineRenderer(selection);
  let at = selection.tailLines === undefined ? 0 : await tailStart(log, selection.tailLines);
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  while (!signal.aborted) {
    // Looked at before the read: what was written before the end is then certainly seen.
    const ended = live === undefined || live.ended || !selection.follow;
    const { bytesRead } = await log.read(chunk, 0, CHUNK_BYTES, at);
    const { bytes, consumed } = lines.render(chunk.subarray(0, bytesRead));
    at += consumed;
    if (bytes.length > 0) yield bytes;
    if (consumed > 0) continue;
    if (ended || live === undefined) return;
    await live.change(FALLBACK_MS, signal);
  }
}

class LineRenderer {
  readonly #selection: LogSelection;
  #newLine = true;

  constructor(selection: LogSelection) {
    this.#selection = selection;
  }

  /** All whole records of `input`, as text; `consumed` is where the first one that is cut off starts. */
  render(input: Buffer): { bytes: Buffer; consumed: number } {
    const pieces: Buffer[] = [];
    let at = 0;
    for (let record = recordAt(input, 0); record !== undefined; record = recordAt(input, at)) {
      if (this.#selection.since === undefined || record.time >= this.#selection.since) this.#add(pieces, input, record);
      at = record.next;
    }
    return { bytes: Buffer.concat(pieces), consumed: at };
  }

  #add(pieces: Buffer[], input: Buffer, record: CriRecord): void {
    if (this.#selection.timestamps && this.#newLine) pieces.push(Buffer.from(`${record.time} `, "latin1"));
    this.#newLine = !record.partial;
    pieces.push(input.subarray(record.contentFrom, record.partial ? record.contentTo : record.next));
  }
}

async function* limited(bytes: AsyncIterable<Uint8Array>, limit: number | undefined): AsyncGenerator<Uint8Array> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  if (left <= 0) return;
  for await (const chunk of bytes) {
    yield chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= chunk.length;
    if (left <= 0) return;
  }
}

/** The time from which on lines are wanted, in the log's own form; RFC 3339 with up to nine digits of fraction. */
export function sinceOf(
  request: { readonly sinceTime?: string; readonly sinceSeconds?: number },
  now: number,
): string | undefined {
  if (request.sinceSeconds !== undefined) return criTime(now - request.sinceSeconds * 1000);
  if (request.sinceTime === undefined) return undefined;
  const fraction = /\.(\d{1,9})\d*/.exec(request.sinceTime)?.[1] ?? "";
  const seconds = Date.parse(request.sinceTime.replace(/\.\d+/, ""));
  return `${new Date(seconds).toISOString().slice(0, 19)}.${fraction.padEnd(9, "0")}Z`;
}
