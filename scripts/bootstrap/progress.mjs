/**
 * How far a step is, told to whoever waits: on a terminal as one line that is written anew, elsewhere (a pipe, a log) as a line now and then, so
 * that nobody takes it for hung.
 */

/** @typedef {{ done: number, total: number, unit: string }} Reading `total` is what is expected, not a promise */
/** @typedef {() => Reading | undefined} Gauge cheap: it is asked several times a second; undefined: nothing to tell yet */
/** @typedef {{ write: (text: string) => void, isTerminal: boolean, columns: () => number }} Screen */

const terminalMs = 200;
const pipeMs = 5_000;

/** @param {NodeJS.WriteStream} stream @returns {Screen} */
export function screenOf(stream) {
  return {
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY && process.env["TERM"] !== "dumb",
    columns: () => stream.columns || 80,
  };
}

/** "37 of 127 MB, 29 %"; past its expected end a thing is nearly done, never more. @param {Reading | undefined} reading */
export function describeReading(reading) {
  if (reading === undefined) return "";
  const { done, total, unit } = reading;
  const shown = Math.min(done, total);
  return `${Math.floor(shown)} of ${Math.floor(total)} ${unit}, ${Math.floor(Math.min(99, (shown / total) * 100))} %, `;
}

/**
 * @param {Screen} screen
 * @param {string} title
 * @param {string} size what there is to fetch, for the reader
 * @param {() => number} now in milliseconds
 * @returns {{ watch: (gauge: Gauge) => void, end: (how: "done" | "failed") => void }}
 */
export function showProgress(screen, title, size, now = Date.now) {
  const start = now();
  const seconds = () => (now() - start) / 1000;
  /** @type {Gauge} */
  let gauge = () => undefined;
  const state = () => `${describeReading(read(gauge))}${Math.round(seconds())} s`;
  const redraw = () => screen.write(`\r\u001B[K${`${title}, ${size}: ${state()}`.slice(0, screen.columns() - 1)}`);
  if (screen.isTerminal) redraw();
  else screen.write(`${title}, ${size} ...\n`);
  const ticker = screen.isTerminal
    ? setInterval(redraw, terminalMs)
    : setInterval(() => screen.write(`${title}: ${state()}\n`), pipeMs);
  return {
    watch: (wanted) => {
      gauge = wanted;
    },
    end(how) {
      clearInterval(ticker);
      const begin = screen.isTerminal ? "\r\u001B[K" : "";
      screen.write(`${begin}${title}: ${how === "done" ? "done in" : "failed after"} ${seconds().toFixed(1)} s\n`);
    },
  };
}

/** What is being written may vanish while it is looked at: a step never fails because of its progress. @param {Gauge} gauge */
function read(gauge) {
  try {
    return gauge();
  } catch {
    return undefined;
  }
}
