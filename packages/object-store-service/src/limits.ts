import type { Duration } from "@bufbuild/protobuf/wkt";

/** Lifetime of a presigned URL in seconds. */
export const presignSeconds = { default: 15 * 60, floor: 2 * 60, ceiling: 60 * 60 } as const;

/** The most that one call carries of structured data. */
export const maxGetBytes = 20 << 20;
export const maxPutBytes = 10 << 20;

/** What was asked for, brought into the bounds. */
export function lifetimeSeconds(asked: Duration | undefined): number {
  const seconds = asked === undefined || asked.seconds <= 0n ? presignSeconds.default : Number(asked.seconds);
  return Math.min(Math.max(seconds, presignSeconds.floor), presignSeconds.ceiling);
}
