import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { type Clock, type Logger, messageOf } from "@homeplane/runtime-kit";
import { criTime, frame, type Stream } from "./cri-format.ts";
import { type Follower, followFiles } from "./follow-files.ts";
import { criFile, type LogPosition, positionOf, rawFile, STREAMS, TRUNCATED } from "./log-files.ts";

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
  #pass: Promise<boolean> = Promise.resolve(true);
  #follower: Follower | undefined;

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
    const { folder, clock, log } = this.#options;
    const files = STREAMS.map((stream) => rawFile(folder, stream));
    this.#follower ??= followFiles({ files, clock, log, pass: () => this.pump() });
  }

  /** Takes in all whole lines that are there now; false when they could not be written. */
  pump(): Promise<boolean> {
    this.#pass = this.#pass.then((well) => (this.#ended ? well : this.#takeAll(false)));
    return this.#pass;
  }

  /** Takes in all that is left, also a last line without an end, and closes. The raw files are removed: the log has it all. */
  async finish(): Promise<void> {
    if (this.#ended) return;
    await this.pump();
    this.#pass = this.#pass.then(() => this.#takeAll(true));
    const complete = await this.#pass;
    this.#ended = true;
    this.#wakeReaders();
    await this.#follower?.stop();
    await Promise.all([this.#log.close(), ...this.#sources.map((source) => source.file.close())]);
    // What could not be taken in (a full disk) is taken in by the next start.
    if (!complete) return;
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

  async #takeAll(last: boolean): Promise<boolean> {
    try {
      for (const source of this.#sources) await this.#take(source, last);
      return true;
    } catch (error) {
      // A full disk, most likely. Nothing was counted as taken: the next pass writes it again at the same place.
      this.#options.log.error(
        { event: "pod_log_write_failed", folder: this.#options.folder, error: messageOf(error) },
        "a container's output could not be written to its log",
      );
      return false;
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
