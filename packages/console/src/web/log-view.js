/** The log of one attempt, live. Only the lines in view are in the document; their height is fixed for that. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { tailLogs } from "./api.js";
import { LinkBanner } from "./badges.js";
import { useSubscription } from "./hooks.js";
import { html } from "./html.js";
import { createLogBuffer, maxLines } from "./log-buffer.js";
import { clockText, parseTime } from "./text.js";

/** As `.log .line` in style.css. */
const linePx = 20;
const overscan = 20;
/** A log may reach the archive a little later than the end of its attempt is known. */
const lateMs = 30_000;
/** Each subscription sends the whole log again. */
const reopenMs = 2_000;

/** @param {{actionId: import("./api.js").ActionId, attempt: number, endTime: number | undefined}} props `endTime` in ms, of an attempt that has ended */
export function LogView({ actionId, attempt, endTime }) {
  const buffer = useRef(createLogBuffer());
  const [log, setLog] = useState(() => buffer.current.snapshot());
  const frame = useRef(0);
  // The subscription outlives this rendering: it must see the end when it comes.
  const end = useRef(endTime);
  end.current = endTime;
  const show = () => {
    frame.current = 0;
    setLog(buffer.current.snapshot());
  };
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const { state, retry } = useSubscription("log", () => ({
    open: (signal) => tailLogs(actionId, attempt, signal),
    onMessage: ({ logs = [] }, first) => {
      // A new stream starts at the first line again.
      if (first) buffer.current.clear();
      for (const { lines = [] } of logs) buffer.current.append(lines);
      // Many messages, one picture.
      if (frame.current === 0) frame.current = requestAnimationFrame(show);
    },
    // While the attempt runs, a close is the server's going away, not the end of the log.
    isDone: () => end.current !== undefined,
    waitForIt: () => end.current === undefined || Date.now() - end.current < lateMs,
    reopenMs,
    maxAgeMs: Infinity,
  }));
  const none = state.kind === "waiting" || state.kind === "failed" ? state.error.code === "not_found" : false;
  return html`
    <h3>Log</h3>
    ${none ? html`<p class="quiet">${endTime === undefined ? "No log yet: it starts with the pod." : "This attempt left no log."}</p>` : html`<${LinkBanner} state=${state} retry=${retry} />`}
    ${none && log.count === 0 ? null : html`<${Lines} log=${log} done=${state.kind === "done"} />`}`;
}

/** @param {{log: ReturnType<import("./log-buffer.js").LogBuffer["snapshot"]>, done: boolean}} props */
function Lines({ log, done }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [follow, setFollow] = useState(true);
  const [top, setTop] = useState(0);
  const { lines, dropped, count } = log;
  useLayoutEffect(() => {
    const element = box.current;
    if (element !== null && follow) element.scrollTop = element.scrollHeight;
  }, [count, follow]);
  const onScroll = () => {
    const element = box.current;
    if (element === null) return;
    setTop(element.scrollTop);
    setFollow(element.scrollHeight - element.scrollTop - element.clientHeight < linePx * 2);
  };
  const height = box.current?.clientHeight ?? 400;
  const from = Math.max(0, Math.floor(top / linePx) - overscan);
  const to = Math.min(lines.length, Math.ceil((top + height) / linePx) + overscan);
  return html`
    <div class="log-bar">
      <label><input type="checkbox" checked=${follow} onChange=${(/** @type {Event} */ event) => setFollow(/** @type {HTMLInputElement} */ (event.target).checked)} /> Follow</label>
      <span class="quiet">${countText(lines.length, dropped, done)}</span>
    </div>
    <div class="log" ref=${box} onScroll=${onScroll} tabindex="0" role="log" aria-live="off" aria-label="Log lines">
      <div class="log-lines" style=${{ height: `${lines.length * linePx}px` }}>
        <div style=${{ height: `${from * linePx}px` }}></div>
        ${lines.slice(from, to).map((line, index) => html`<${LogLine} key=${dropped + from + index} line=${line} />`)}
      </div>
    </div>`;
}

/** @param {{line: import("./log-buffer.js").Line}} props */
function LogLine({ line }) {
  const ms = parseTime(line.time);
  return html`<div class=${line.system ? "line system" : "line"}><span class="stamp">${ms === undefined ? "" : clockText(ms)}</span>${line.text}</div>`;
}

/** @param {number} shown @param {number} dropped @param {boolean} done */
function countText(shown, dropped, done) {
  const lines = `${shown.toLocaleString()} ${shown === 1 ? "line" : "lines"}`;
  const cut =
    dropped > 0
      ? `the last ${maxLines.toLocaleString()} lines are kept here, ${dropped.toLocaleString()} earlier ones are not shown`
      : lines;
  return `${cut}${done ? ", complete" : ", live"}`;
}
