/** Times and sizes as people read them. */

/** @type {typeof import("./text.js").parseTime} */
export function parseTime(text) {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** @type {typeof import("./text.js").durationText} */
export function durationText(ms) {
  if (ms === undefined || Number.isNaN(ms)) return "";
  const clamped = Math.max(0, ms);
  if (clamped < 1000) return `${Math.floor(clamped)} ms`;
  if (clamped < 10_000) return `${(Math.floor(clamped / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(clamped / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** @type {typeof import("./text.js").runningText} */
export function runningText(ms) {
  return ms < 60_000 ? `${Math.max(0, Math.floor(ms / 1000))} s` : durationText(ms);
}

/** @type {typeof import("./text.js").ageText} */
export function ageText(ms) {
  // The server's clock may be a little ahead of the browser's.
  if (ms < 5000) return "just now";
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
}

/** @type {typeof import("./text.js").cut} */
export function cut(text, max) {
  return text.length <= max ? text : `${text.slice(0, max)}… (${text.length - max} more characters)`;
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** Local time of day. @type {typeof import("./text.js").clockText} */
export const clockText = (ms) => clock.format(ms);

/** Local date and time. @type {typeof import("./text.js").dateText} */
export const dateText = (ms) => `${day.format(ms)}, ${clock.format(ms)}`;
