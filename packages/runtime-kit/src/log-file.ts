/**
 * A log on a file that never stops the program: lines that can not be written (a full disk) are dropped and counted, said once on standard error, and
 * told in the log itself when it can be written again. Lines wait in memory up to a limit while a write is under way.
 */
import { mkdirSync, openSync, write, writeSync } from "node:fs";
import { dirname } from "node:path";

/** What pino writes to. */
export interface LogSink {
  write(line: string): void;
  /** Writes what waits, once, without waiting for a disk that has no room. */
  flushSync(): void;
}

/** More than this waits only when the disk is stuck. */
const maxWaitingBytes = 4 << 20;

export function openLogFile(path: string, complain: (text: string) => void): LogSink {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fd = openSync(path, "a", 0o600);
  let waiting: string[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let writing = false;
  let complained = false;

  const failed = (lines: number, error: Error): void => {
    dropped += lines;
    if (complained) return;
    complained = true;
    complain(`homeplane: the log ${path} can not be written (${error.message}); lines are lost until it can\n`);
  };
  const take = (): { text: string; lines: number } => {
    const note =
      dropped === 0 ? "" : `${JSON.stringify({ level: 40, time: Date.now(), event: "log.lost", lines: dropped })}\n`;
    const batch = { text: note + waiting.join(""), lines: waiting.length };
    waiting = [];
    waitingBytes = 0;
    return batch;
  };
  const pump = (): void => {
    if (writing || waiting.length === 0) return;
    writing = true;
    const { text, lines } = take();
    const told = dropped;
    write(fd, text, (error) => {
      writing = false;
      if (error === null) {
        dropped -= told;
        complained = false;
      } else failed(lines, error);
      pump();
    });
  };
  return {
    write(line) {
      if (waitingBytes + line.length > maxWaitingBytes) {
        failed(1, new Error("too many lines wait"));
        return;
      }
      waiting.push(line);
      waitingBytes += line.length;
      pump();
    },
    flushSync() {
      if (waiting.length === 0) return;
      const { text, lines } = take();
      try {
        writeSync(fd, text);
      } catch (error) {
        failed(lines, error as Error);
      }
    },
  };
}
