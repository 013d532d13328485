/**
 * Times of log lines: RFC 3339 with up to nine digits of fraction, in any zone (a node writes its own). Kept as UTC with all nine
 * digits, so that the order of the strings is the order in time.
 */

/** For a line that comes before any with a time. */
export const NO_TIME = "1970-01-01T00:00:00.000000000Z";

const pattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Lines come in the order of their seconds, so the last one's is nearly always the next one's. */
let known = { text: "1970-01-01T00:00:00", seconds: 0n };

function secondsOf(text: string): bigint {
  if (text !== known.text) known = { text, seconds: BigInt(Date.parse(`${text}Z`) / 1000) };
  return known.seconds;
}

/** Undefined when `text` is no RFC 3339 time. */
export function normalTime(text: string): string | undefined {
  const [, seconds, fraction = "", zone] = pattern.exec(text) ?? [];
  if (seconds === undefined || zone === undefined) return undefined;
  const ms = Date.parse(seconds + zone);
  if (Number.isNaN(ms)) return undefined;
  const utc = zone === "Z" ? seconds : new Date(ms).toISOString().slice(0, 19);
  return `${utc}.${fraction.padEnd(9, "0")}Z`;
}

/** From milliseconds since the epoch. */
export function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000000Z`;
}

/** As protobuf's Timestamp. `time` is normal. */
export function timestampOf(time: string): { seconds: bigint; nanos: number } {
  return { seconds: secondsOf(time.slice(0, 19)), nanos: Number(time.slice(20, 29)) };
}

/** The whole second `ms` before the one of `time`. An API server cuts `sinceTime` to seconds on its way to the node. */
export function secondBefore(time: string, ms: number): string {
  return `${new Date(Date.parse(`${time.slice(0, 19)}Z`) - ms).toISOString().slice(0, 19)}Z`;
}
