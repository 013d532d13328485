import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { recordAt, type Stream } from "./cri-format.ts";

export const STREAMS: readonly Stream[] = ["stdout", "stderr"];

/** The file that the container's process itself writes. */
export function rawFile(folder: string, stream: Stream): string {
  return join(folder, stream);
}

/** The container's log in the CRI format: what is served. */
export function criFile(folder: string): string {
  return join(folder, "0.log");
}

export interface LogPosition {
  /** Bytes of whole records; what follows them is a record that was cut by a crash, and is written anew. */
  readonly size: number;
  /** How many bytes of each raw file the records hold. */
  readonly taken: Readonly<Record<Stream, number>>;
  /** True when the last record was a part of a line. */
  readonly midLine: boolean;
  readonly truncated: boolean;
}

export const TRUNCATED = "log truncated: ";
const CHUNK_BYTES = 256 * 1024;

/**
 * Where conversion stopped, read off the log itself: its records hold the raw bytes one to one (`F` one more, for the newline),
 * so no second file could ever disagree with it.
 */
export async function positionOf(log: FileHandle): Promise<LogPosition> {
  const taken = { stdout: 0, stderr: 0 };
  let size = 0;
  let midLine = false;
  let truncated = false;
  let carry = Buffer.alloc(0);
  if ((await log.stat()).size === 0) return { size, taken, midLine, truncated };
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await log.read(chunk, 0, CHUNK_BYTES, size + carry.length);
    if (bytesRead === 0) return { size, taken, midLine, truncated };
    const bytes = Buffer.concat([carry, chunk.subarray(0, bytesRead)]);
    let at = 0;
    for (let record = recordAt(bytes, 0); record !== undefined; record = recordAt(bytes, at)) {
      taken[record.stream] += record.contentTo - record.contentFrom + (record.partial ? 0 : 1);
      midLine = record.partial;
      truncated = bytes.toString("latin1", record.contentFrom, record.contentFrom + TRUNCATED.length) === TRUNCATED;
      at = record.next;
    }
    size += at;
    carry = bytes.subarray(at);
  }
}
