/** "5m3s", as Kubernetes' `duration.HumanDuration`. `seconds` may be negative by a little clock skew. */
export function humanDuration(seconds: number): string {
  if (seconds < -1) return "<invalid>";
  const s = Math.max(Math.floor(seconds), 0);
  const two = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
    small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
  const minutes = Math.floor(s / 60);
  const hours = Math.floor(s / 3600);
  const days = Math.floor(hours / 24);
  if (s < 120) return `${s}s`;
  if (minutes < 10) return two(minutes, "m", s % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return two(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  if (days < 8) return two(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 ? two(years, "y", days % 365, "d") : `${years}y`;
}

/** The age of an RFC 3339 time at `now` (milliseconds). */
export function age(time: unknown, now: number): string {
  const then = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return Number.isNaN(then) ? "<unknown>" : humanDuration((now - then) / 1000);
}
