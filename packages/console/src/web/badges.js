/** Small pieces that every page shows. */
import { html } from "./html.js";
import { phaseTone, phaseWord } from "./phase.js";
import { ageText, clockText, dateText, parseTime } from "./text.js";

/** @param {{phase: string | undefined}} props */
export const Phase = ({ phase }) => html`<span class=${`phase ${phaseTone(phase)}`}>${phaseWord(phase)}</span>`;

/** Relative age; the full local time as a tip. @param {{at: string | undefined, now: number}} props */
export function Age({ at, now }) {
  const ms = parseTime(at);
  if (ms === undefined) return null;
  return html`<time datetime=${at} title=${dateText(ms)}>${ageText(now - ms)}</time>`;
}

/** Local time of day; the date as a tip. @param {{at: string | undefined}} props */
export function Clock({ at }) {
  const ms = parseTime(at);
  if (ms === undefined) return null;
  return html`<time datetime=${at} title=${dateText(ms)}>${clockText(ms)}</time>`;
}

/** An error that stays until it is over or tried again. @param {{error: import("./rpc.js").RpcError, retry?: () => void, note?: string}} props */
export const Banner = ({ error, retry, note }) => html`
  <div class="banner" role="alert">
    <p><strong>${error.code.replaceAll("_", " ")}:</strong> ${error.message}${note ? html` <span class="quiet">${note}</span>` : null}</p>
    ${retry ? html`<button type="button" onClick=${retry}>Try again</button>` : null}
  </div>`;

/** @param {{state: import("./hooks.js").LinkState, retry: () => void}} props */
export function LinkBanner({ state, retry }) {
  if (state.kind === "failed") return html`<${Banner} error=${state.error} retry=${retry} />`;
  if (state.kind === "waiting")
    return html`<${Banner} error=${state.error} note="Trying again by itself." retry=${retry} />`;
  return null;
}

/** @param {{children: any, trail?: any}} props */
export const Frame = ({ children, trail }) => html`
  <header class="top">
    <a class="brand" href="/">Homeplane</a>
    ${trail}
  </header>
  <main class="page">${children}</main>`;
