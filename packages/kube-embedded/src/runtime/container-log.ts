import { constants, type FSWatcher, watch } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { type Clock, type Logger, messageOf } from "@homeplane/runtime-kit";
import { criTime, frame, type Stream } from "./cri-format.ts";
import { criFile, type LogPosition, positionOf, rawFile, STREAMS, TRUNCATED } from "./log-files.ts";

/** A file's watch may be lost without a word (inotify limits, odd file systems): then this is the delay of a line. */
const POLL_MS = 500;
/** A busy writer causes an event per write; this bounds how often a pass over the files is made. */
const MIN_GAP_MS = 15;
const CHUNK_BYTES = 256 * 1024;
/** How far a raw file may run ahead of its cap before it is cut back. */
const SLACK_BYTES = 1024 * 1024;

export interface ContainerLogOptions {
  readonly folder: string;
  /** The largest size of the log; the raw files beside it, which go when the container has ended, are bounded by the same. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Source {
  readonly stream: Stream;
  readonly file: FileHandle;
  taken: number;
  seen: number;
}

/**
 * Turns what a container prints into its log. The container writes its raw files itself (so it outlives a crash of homeplane);
 * this follows them, and can be opened again at any point: the position is read off the log.
 */
export class ContainerLog {
  readonly #options: ContainerLogOptions;
  readonly #log: FileHandle;
  readonly #sources: readonly Source[];
  readonly #wakers = new Set<() => void>();
  #size: number;
  #midLine: boolean;
  #truncated: boolean;
  #ended = false;
  #pass: Promise<void> = Promise.resolve();
  #nudge: (() => void) | undefined;
  #loop: Promise<void> | undefined;

  private constructor(
    options: ContainerLogOptions,
    log: FileHandle,
    sources: readonly Source[],
    position: LogPosition,
  ) {
    this.#options = options;
    this.#log = log;
    this.#sources = sources;
    this.#size = position.size;
    this.#midLine = position.midLine;
    this.#truncated = position.truncated && position.size >= options.maxBytes;
  }

  /** Opens the log and the raw files of `folder` , at the point that an earlier run reached. */
  static async open(options: ContainerLogOptions): Promise<ContainerLog> {
    const handles: FileHandle[] = [];
    try {
      const log = await open(criFile(options.folder), constants.O_RDWR | constants.O_CREAT, 0o600);
      handles.push(log);
      const position = await positionOf(log);
      await log.truncate(position.size);
      const sources: Source[] = [];
      for (const stream of STREAMS) {
        // Made anew when it is not there: an earlier run may have removed one of the two, with all of it in the log.
        const file = await open(rawFile(options.folder, stream), constants.O_RDWR | constants.O_CREAT, 0o600);
        handles.push(file);
        sources.push({ stream, file, taken: position.taken[stream], seen: -1 });
      }
      return new ContainerLog(options, log, sources, position);
    } catch (error) {
      await Promise.all(handles.map((handle) => handle.close()));
      throw error;
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Starts to follow the raw files, until {@link finish}. */
  follow(): void {
    this.#loop ??= this.#run();
  }

  /** Takes in all whole lines that are there now. */
  pump(): Promise<void> {
    this.#pass = this.#pass.then(() => (this.#ended ? undefined : this.#takeAll(false)));
    return this.#pass;
  }

  /** Takes in all that is left, also a last line without an end, and closes. The raw files are removed: the log has it all. */
  async finish(): Promise<void> {
    if (this.#ended) return;
    await this.pump();
    this.#pass = this.#pass.then(() => this.#takeAll(true));
    await this.#pass;
    this.#ended = true;
    this.#nudge?.();
    this.#wakeReaders();
    await this.#loop;
    await Promise.all([this.#log.close(), ...this.#sources.map((source) => source.file.close())]);
    for (const stream of STREAMS) await rm(rawFile(this.#options.folder, stream), { force: true });
  }

  /** Resolves when there is more to read, when the log ended, after `ms`, or when `signal` aborts. */
  change(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.#ended || signal.aborted) return resolve();
      const done = (): void => {
        cancel();
        this.#wakers.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#options.clock.after(ms, done);
      this.#wakers.add(done);
      signal.addEventListener("abort", done);
    });
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    let nudged = false;
    this.#nudge = () => {
      nudged = true;
      wake();
    };
    let wake = (): void => {};
    const watchers = this.#watchers(() => this.#nudge?.());
    const pause = (ms: number, wakeable: boolean): Promise<void> =>
      new Promise((resolve) => {
        if (this.#ended || (wakeable && nudged)) return resolve();
        const cancel = clock.after(ms, resolve);
        wake = () => {
          if (!wakeable && !this.#ended) return;
          cancel();
          resolve();
        };
      });
    try {
      while (!this.#ended) {
        nudged = false;
        await this.pump();
        await pause(MIN_GAP_MS, false);
        await pause(POLL_MS, true);
      }
    } finally {
      for (const watcher of watchers) watcher.close();
    }
  }

  #watchers(changed: () => void): readonly FSWatcher[] {
    const watchers: FSWatcher[] = [];
    for (const stream of STREAMS) {
      try {
        const watcher = watch(rawFile(this.#options.folder, stream), { persistent: false }, changed);
        watcher.on("error", (error) => this.#pollsOnly(error));
        watchers.push(watcher);
      } catch (error) {
        this.#pollsOnly(error);
      }
    }
    return watchers;
  }

  #pollsOnly(error: unknown): void {
    this.#options.log.warn(
      { event: "pod_log_watch_lost", folder: this.#options.folder, error: messageOf(error) },
      `a container's output can not be watched; it is polled every ${POLL_MS} ms instead`,
    );
  }

  async #takeAll(last: boolean): Promise<void> {
    try {
      for (const source of this.#sources) await this.#take(source, last);
    } catch (error) {
      // A full disk, most likely. Nothing was counted as taken: the next pass writes it again at the same place.
      this.#options.log.error(
        { event: "pod_log_write_failed", folder: this.#options.folder, error: messageOf(error) },
        "a container's output could not be written to its log",
      );
    }
  }

  async #take(source: Source, last: boolean): Promise<void> {
    const { maxBytes } = this.#options;
    const { size } = await source.file.stat();
    if (this.#truncated) {
      // The process appends: cutting its file off under it only frees the disk.
      if (size > 0) await source.file.truncate(0);
      return;
    }
    if (size > maxBytes + SLACK_BYTES) await source.file.truncate(maxBytes);
    if (size <= source.seen && !last) return;
    const chunk = Buffer.allocUnsafe(Math.max(1, Math.min(CHUNK_BYTES, size - source.taken)));
    for (;;) {
      const { bytesRead } = await source.file.read(chunk, 0, chunk.length, source.taken);
      source.seen = source.taken + bytesRead;
      if (bytesRead === 0) return;
      const time = criTime(this.#options.clock.now());
      const whole = last && bytesRead < CHUNK_BYTES;
      const framed = frame(chunk.subarray(0, bytesRead), source.stream, time, whole, maxBytes - this.#size);
      if (framed.consumed === 0 && this.#size < maxBytes) return;
      await this.#append(framed.records);
      source.taken += framed.consumed;
      if (this.#size >= maxBytes) return this.#truncate(source.stream, time);
      this.#wakeReaders();
      if (bytesRead < chunk.length) return;
    }
  }

  /** Says once, in the log itself, that the rest is missing. */
  async #truncate(stream: Stream, time: string): Promise<void> {
    const said = `${TRUNCATED}the container printed more than ${this.#options.maxBytes} bytes; the rest is dropped`;
    const lineEnd = this.#midLine ? `${time} ${stream} F \n` : "";
    await this.#append(Buffer.from(`${lineEnd}${time} ${stream} F ${said}\n`, "latin1"));
    this.#truncated = true;
    this.#wakeReaders();
  }

  async #append(records: Buffer): Promise<void> {
    if (records.length === 0) return;
    let written = 0;
    while (written < records.length) {
      const result = await this.#log.write(records, written, records.length - written, this.#size + written);
      written += result.bytesWritten;
    }
    this.#size += records.length;
    this.#midLine = lastIsPartial(records);
  }

  #wakeReaders(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}

/** Records have a head of fixed width, so the last one's flag is found from its start. */
function lastIsPartial(records: Buffer): boolean {
  const start = records.lastIndexOf(10, records.length - 2) + 1;
  return records[start + criTime(0).length + " stdout ".length] === 0x50;
}
