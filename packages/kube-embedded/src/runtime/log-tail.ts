import type { FileHandle } from "node:fs/promises";
import { criTime } from "./cri-format.ts";
import { readLog } from "./log-reader.ts";

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 10;
/** `<time> stdout F`: where a record's flag stands; its head has one width. */
const FLAG_AT = criTime(0).length + " stdout ".length;
const PARTIAL = 0x50;

/** Where the last `lines` lines start. Read from the end: a log of gigabytes costs no more than a short one. */
export async function tailStart(log: FileHandle, lines: number): Promise<number> {
  const { size } = await log.stat();
  if (lines <= 0) return size;
  let found = 0;
  let next: number | undefined;
  for await (const record of backwards(log, size)) {
    // A record that ends a line, followed by another: there a line starts.
    if (!record.partial && next !== undefined && ++found === lines) return next;
    next = record.start;
  }
  return 0;
}

/** The records from the last to the first. */
async function* backwards(log: FileHandle, size: number): AsyncGenerator<{ start: number; partial: boolean }> {
  // A block is read a head's length further than it is searched, so that each record found has its flag in it.
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES + FLAG_AT + 1);
  for (let end = size; end > 0; end -= CHUNK_BYTES) {
    const from = Math.max(0, end - CHUNK_BYTES);
    const { bytesRead } = await log.read(buffer, 0, Math.min(buffer.length, size - from), from);
    const block = buffer.subarray(0, bytesRead);
    let at = block.lastIndexOf(NEWLINE, end - from - 1);
    while (at >= 0) {
      if (from + at + 1 < size) yield { start: from + at + 1, partial: block[at + 1 + FLAG_AT] === PARTIAL };
      at = at === 0 ? -1 : block.lastIndexOf(NEWLINE, at - 1);
    }
    if (from === 0) yield { start: 0, partial: block[FLAG_AT] === PARTIAL };
  }
}

/** What a kubelet takes as the termination message: the last 80 lines, at most 2 KiB of them. */
export async function terminationMessage(file: string): Promise<string> {
  let tail = Buffer.alloc(0);
  const selection = { follow: false, timestamps: false, tailLines: 80, signal: new AbortController().signal };
  for await (const chunk of readLog(file, undefined, selection)) {
    const all = Buffer.concat([tail, chunk]);
    tail = all.subarray(Math.max(0, all.length - 2048));
  }
  let from = 0;
  // Not in the middle of a character.
  while (from < 3 && ((tail[from] ?? 0) & 0xc0) === 0x80) from++;
  return tail.toString("utf8", from);
}
