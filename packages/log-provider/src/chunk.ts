import type { LogPiece } from "./line-cutter.ts";
import { timeOf } from "./log-time.ts";

/** Lines of one container that are ready at once. */
export interface Chunk {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Written by us, not by the container. */
  readonly system?: boolean;
  readonly pieces: readonly LogPiece[];
}

export type Chunks = AsyncGenerator<Chunk>;

export interface ContainerName {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** A line of our own, so that a reader knows why there is nothing, or not all. */
export function systemLine(of: ContainerName, text: string, now: number): Chunk {
  const content = Buffer.from(`[homeplane] ${text.replaceAll("\n", " ")}`);
  return { ...of, system: true, pieces: [{ time: timeOf(now), content, index: 0, last: true }] };
}
