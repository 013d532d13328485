import { type Backoff, backoffMs, type Clock, messageOf, type Random, sleep } from "@homeplane/runtime-kit";
import { leavable } from "../body.ts";
import { ObjectStoreError } from "../error.ts";
import type { GetOptions, ObjectBody, ObjectMeta } from "../port.ts";
import type { Caller } from "./call.ts";
import { metaOf } from "./headers.ts";
import type { HttpAnswer } from "./http-client.ts";
import type { Place } from "./put.ts";

const OPERATION = "GetObject";
/** Connections that break in a row, with less than that read from each, until a body is given up. */
const MAX_FRUITLESS = 4;
const FRUITFUL_BYTES = 64 * 1024;
const PAUSE: Backoff = { baseMs: 100, maxMs: 5_000, jitter: "full" };
/** Offsets of the first and the last byte. */
type Bounds = { readonly start: number; readonly last: number };

interface Chance {
  readonly clock: Clock;
  readonly random: Random;
}

/** A body whose connection breaks is read on from where it was, as long as the object is the same. */
export async function getObject(
  call: Caller,
  chance: Chance,
  place: Place,
  { range, signal }: GetOptions,
): Promise<{ readonly meta: ObjectMeta; readonly body: ObjectBody }> {
  if (range !== undefined && (range.start < 0 || (range.end !== undefined && range.end < range.start)))
    throw new ObjectStoreError("InvalidRange", `bytes ${range.start} to ${range.end} are no range`);
  const request = { operation: OPERATION, method: "GET", ...place, signal } as const;
  const rangeHeader = range && { range: `bytes=${range.start}-${range.end ?? ""}` };
  const answer = await call({ ...request, headers: { "x-amz-checksum-mode": "ENABLED", ...rangeHeader } });
  if (range !== undefined && answer.status !== 206) {
    answer.leave();
    throw new ObjectStoreError(
      "Internal",
      `${OPERATION} of ${place.bucket}/${place.key}: the store does not keep to ranges`,
    );
  }
  const meta = metaOf(place.key, answer.headers);
  if (meta.size === 0) {
    await answer.discard();
    return { meta, body: (async function* () {})() };
  }
  const bounds = { start: range?.start ?? 0, last: Math.min(range?.end ?? meta.size - 1, meta.size - 1) };
  const readOn = (start: number): Promise<HttpAnswer> =>
    call({ ...request, headers: { range: `bytes=${start}-${bounds.last}`, "if-match": `"${meta.etag}"` } });
  return { meta, body: leavable(resuming(answer, bounds, readOn, chance, place, signal), answer.leave) };
}

async function* resuming(
  first: HttpAnswer,
  { start, last }: Bounds,
  readOn: (start: number) => Promise<HttpAnswer>,
  { clock, random }: Chance,
  place: Place,
  signal: AbortSignal | undefined,
): ObjectBody {
  let answer = first;
  let at = start;
  for (let fruitless = 0; ; fruitless++) {
    const before = at;
    let broken: unknown = new Error("the body ended early");
    try {
      for await (const chunk of answer.body) {
        at += chunk.byteLength;
        yield chunk;
      }
    } catch (error) {
      signal?.throwIfAborted();
      broken = error;
    }
    if (at > last) return;
    if (at - before >= FRUITFUL_BYTES) fruitless = 0;
    const what = `${OPERATION} of ${place.bucket}/${place.key}, from byte ${at}`;
    if (fruitless >= MAX_FRUITLESS)
      throw new ObjectStoreError("Unavailable", `${what}: ${messageOf(broken)}`, {
        cause: broken,
        call: { operation: OPERATION },
      });
    await sleep(clock, backoffMs(PAUSE, fruitless, random), signal);
    answer = await readOn(at).catch((error: unknown) => {
      if (!(error instanceof ObjectStoreError) || error.code !== "PreconditionFailed") throw error;
      throw new ObjectStoreError("Unavailable", `${what}: the object was replaced while it was read`, { cause: error });
    });
  }
}
