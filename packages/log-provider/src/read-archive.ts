import { openArchive } from "./archive.ts";
import { type Chunk, type ContainerName, systemLine } from "./chunk.ts";
import { LineCutter } from "./line-cutter.ts";
import type { Context } from "./options.ts";
import { SentWindow } from "./sent-window.ts";

/** An archived log, without what `sent` says was sent already. Returns false when there is none. */
export async function* readArchive(
  context: Context,
  of: ContainerName & { readonly key: string },
  signal: AbortSignal,
  sent: SentWindow = new SentWindow(),
): AsyncGenerator<Chunk, boolean> {
  const found = await openArchive(context, of.key, signal);
  if (found === undefined) return false;
  const { key: _key, ...name } = of;
  const cutter = new LineCutter();
  const unsent = sent.unsent();
  for await (const bytes of found.body) {
    const pieces = cutter.push(bytes).filter(unsent);
    if (pieces.length > 0) yield { ...name, pieces };
  }
  const rest = cutter.end().filter(unsent);
  if (rest.length > 0) yield { ...name, pieces: rest };
  if (found.incomplete)
    yield systemLine(name, "the rest of this log could not be read before its pod was deleted", context.clock.now());
  return true;
}
