import type { Chunk, Chunks } from "./chunk.ts";

/** Chunks of all sources as they come. At most one of each source waits. */
export async function* mergeByArrival(sources: readonly Chunks[]): Chunks {
  type Turn =
    | { readonly source: Chunks; readonly result: IteratorResult<Chunk, unknown> }
    | { readonly error: unknown };
  const ready: Turn[] = [];
  let wake: () => void = () => undefined;
  const arrive = (turn: Turn): void => {
    ready.push(turn);
    wake();
  };
  const pull = (source: Chunks): void => {
    source.next().then(
      (result) => arrive({ source, result }),
      (error: unknown) => arrive({ error }),
    );
  };
  for (const source of sources) pull(source);
  let open = sources.length;
  while (open > 0) {
    const turn = ready.shift();
    if (turn === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    } else if ("error" in turn) {
      throw turn.error;
    } else if (turn.result.done === true) {
      open--;
    } else {
      yield turn.result.value;
      pull(turn.source);
    }
  }
}

/** Lines of all sources in the order of their times; for sources that end. */
export async function* mergeByTime(sources: readonly Chunks[]): Chunks {
  const heads: { readonly source: Chunks; chunk: Chunk; at: number }[] = [];
  const load = async (source: Chunks): Promise<{ chunk: Chunk; at: number } | undefined> => {
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      if (next.value.pieces.length > 0) return { chunk: next.value, at: 0 };
    }
    return undefined;
  };
  for (const source of sources) {
    const first = await load(source);
    if (first !== undefined) heads.push({ source, ...first });
  }
  const timeAt = (head: { chunk: Chunk; at: number }): string => head.chunk.pieces[head.at]?.time ?? "";
  for (;;) {
    const [first, second] = heads.toSorted((a, b) => (timeAt(a) < timeAt(b) ? -1 : timeAt(a) > timeAt(b) ? 1 : 0));
    if (first === undefined) return;
    const limit = second === undefined ? undefined : timeAt(second);
    const { pieces } = first.chunk;
    let end = first.at + 1;
    // The parts of a line stay together.
    for (let piece = pieces[end]; piece !== undefined; piece = pieces[++end]) {
      if (limit !== undefined && piece.index === 0 && piece.time > limit) break;
    }
    yield { ...first.chunk, pieces: pieces.slice(first.at, end) };
    first.at = end;
    if (end < pieces.length) continue;
    const next = await load(first.source);
    if (next === undefined) heads.splice(heads.indexOf(first), 1);
    else Object.assign(first, next);
  }
}
