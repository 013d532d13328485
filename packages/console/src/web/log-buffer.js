/** The last lines of a log, bounded in lines and in characters per line. */

export const maxLines = 20_000;
const maxLineChars = 4_000;

// ESC starts an ANSI sequence (ECMA-48): colours and cursor movement mean nothing here.
// oxlint-disable-next-line no-control-regex
const ansi = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** @type {typeof import("./log-buffer.js").createLogBuffer} */
export function createLogBuffer(limit = maxLines) {
  /** @type {import("./log-buffer.js").Line[]} */
  let lines = [];
  let dropped = 0;
  return {
    append(entries) {
      for (const { timestamp, message = "", originator } of entries) {
        const texts = message.split("\n");
        if (texts.at(-1) === "") texts.pop();
        for (const text of texts) lines.push({ time: timestamp, text: plain(text), system: originator === "SYSTEM" });
      }
      // Cut in large steps: moving the array for each line would cost more than the lines.
      if (lines.length > limit * 1.1) {
        dropped += lines.length - limit;
        lines = lines.slice(-limit);
      }
    },
    clear() {
      lines = [];
      dropped = 0;
    },
    snapshot() {
      const over = Math.max(0, lines.length - limit);
      return { lines: over === 0 ? lines : lines.slice(over), dropped: dropped + over, count: lines.length + dropped };
    },
  };
}

/** Progress bars overwrite their line with "\r": the last state is what a terminal would show. @param {string} text */
function plain(text) {
  const clean = text.replace(ansi, "").replace(/\r+$/, "");
  const last = clean.slice(clean.lastIndexOf("\r") + 1);
  return last.length <= maxLineChars ? last : `${last.slice(0, maxLineChars)}… (line cut here)`;
}
