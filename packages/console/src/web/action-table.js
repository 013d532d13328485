/** The tree of a run as a table: one row per action, a bar on a common time axis. */
import { useState } from "preact/hooks";
import { Clock, Phase } from "./badges.js";
import { html } from "./html.js";
import { phaseTone } from "./phase.js";
import { durationText, runningText } from "./text.js";
import { actionTitle, flattenTree, timeSpan, wholeSpan } from "./tree.js";

const step = 500;
const indentPx = 16;
/** Deeper levels keep this indentation, or names would leave the column. */
const maxIndent = 8;
const maxNameLength = 12;
const shownNameLength = 8;

/** @param {{actions: import("./tree.js").Action[], now: number, selected: string, onSelect: (name: string) => void}} props */
export function ActionTable({ actions, now, selected, onSelect }) {
  const [collapsed, setCollapsed] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const [limit, setLimit] = useState(step);
  const rows = flattenTree(actions, collapsed);
  const whole = wholeSpan(actions, now);
  const toggle = (/** @type {string} */ name) => {
    const next = new Set(collapsed);
    if (!next.delete(name)) next.add(name);
    setCollapsed(next);
  };
  return html`
    <table class="actions">
      <thead>
        <tr><th scope="col">Action</th><th scope="col">Phase</th><th scope="col" class="number attempts">Attempts</th><th scope="col" class="started">Start</th><th scope="col" class="number">Duration</th><th scope="col" class="bar-cell"><span class="visually-hidden">Time line</span></th></tr>
      </thead>
      <tbody>
        ${rows.slice(0, limit).map((row) => html`<${ActionRow} key=${row.action.id.name} row=${row} now=${now} whole=${whole} selected=${row.action.id.name === selected} onSelect=${onSelect} onToggle=${toggle} />`)}
      </tbody>
    </table>
    ${rows.length > limit ? html`<p><button type="button" onClick=${() => setLimit(limit + step)}>Show ${Math.min(step, rows.length - limit)} more of ${rows.length} actions</button></p>` : null}`;
}

/** @param {{row: import("./tree.js").Row, now: number, whole: {start: number, end: number}, selected: boolean, onSelect: (name: string) => void, onToggle: (name: string) => void}} props */
function ActionRow({ row, now, whole, selected, onSelect, onToggle }) {
  const { action, depth, children, collapsed } = row;
  const { name } = action.id;
  const { status, metadata } = action;
  const span = timeSpan(status, now);
  const title = actionTitle(action);
  const kind =
    metadata?.actionType === "ACTION_TYPE_TRACE"
      ? "trace"
      : metadata?.actionType === "ACTION_TYPE_CONDITION"
        ? "condition"
        : "";
  return html`
    <tr class=${selected ? "selected" : ""} onClick=${() => onSelect(name)}>
      <th scope="row">
        <div class="action-name" style=${{ paddingLeft: `${Math.min(depth, maxIndent) * indentPx}px` }}>
          ${children > 0 ? html`<${Toggle} title=${title} collapsed=${collapsed} onToggle=${() => onToggle(name)} />` : html`<span class="toggle"></span>`}
          <div class="action-text">
          <button type="button" class="link" aria-pressed=${selected} onClick=${(/** @type {Event} */ event) => (event.stopPropagation(), onSelect(name))}>${title}</button>
          ${name === title ? null : html`<span class="quiet mono id" title=${name}>${shortName(name)}</span>`}
          ${collapsed ? html`<span class="tag">${children} below</span>` : null}
          ${metadata?.group ? html`<span class="tag">${metadata.group}</span>` : null}
          ${kind ? html`<span class="tag">${kind}</span>` : null}
          ${status?.cacheStatus === "CACHE_HIT" ? html`<span class="tag">from cache</span>` : null}
          </div>
        </div>
      </th>
      <td><${Phase} phase=${status?.phase} /></td>
      <td class="number attempts">${status?.attempts ?? ""}</td>
      <td class="started"><${Clock} at=${status?.startTime} /></td>
      <td class="number">${span === undefined ? "" : span.open ? runningText(span.end - span.start) : durationText(span.end - span.start)}</td>
      <td class="bar-cell">${span === undefined ? null : html`<${Bar} span=${span} whole=${whole} tone=${phaseTone(status?.phase)} />`}</td>
    </tr>`;
}

/**
 * The SDK's names of children are 25 characters of hash: the first few tell them apart, the whole one is a click away.
 * @param {string} name
 */
const shortName = (name) => (name.length > maxNameLength ? `${name.slice(0, shownNameLength)}…` : name);

/** @param {{title: string, collapsed: boolean, onToggle: () => void}} props */
const Toggle = ({ title, collapsed, onToggle }) => html`
  <button type="button" class="toggle" aria-expanded=${!collapsed} aria-label=${`children of ${title}`} onClick=${(/** @type {Event} */ event) => (event.stopPropagation(), onToggle())}>${collapsed ? "▸" : "▾"}</button>`;

/** @param {{span: {start: number, end: number}, whole: {start: number, end: number}, tone: string}} props */
function Bar({ span, whole, tone }) {
  const length = whole.end - whole.start;
  const percent = (/** @type {number} */ ms) => `${((ms / length) * 100).toFixed(2)}%`;
  const style = { marginLeft: percent(span.start - whole.start), width: percent(span.end - span.start) };
  return html`<div class="bar" aria-hidden="true"><div class=${tone} style=${style}></div></div>`;
}
