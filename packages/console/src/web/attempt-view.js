/** One attempt: its error, its way through the phases, its log. */
import { Clock, Phase } from "./badges.js";
import { html } from "./html.js";
import { LogView } from "./log-view.js";
import { isTerminal } from "./phase.js";
import { ReportLink } from "./report-link.js";
import { durationText, parseTime, runningText } from "./text.js";

/** @param {{actionId: import("./api.js").ActionId, attempt: any, generatesReport: boolean, now: number}} props */
export function AttemptView({ actionId, attempt, generatesReport, now }) {
  return html`
    ${attempt.errorInfo && attempt.phase !== "ACTION_PHASE_ABORTED" ? html`<${ErrorBox} error=${attempt.errorInfo} />` : null}
    <${Transitions} transitions=${attempt.phaseTransitions ?? []} now=${now} />
    <${ClusterEvents} events=${attempt.clusterEvents ?? []} />
    <${Links} actionId=${actionId} attempt=${attempt} generatesReport=${generatesReport} />
    <${LogView} actionId=${actionId} attempt=${attempt.attempt} endTime=${isTerminal(attempt.phase) ? (parseTime(attempt.endTime) ?? 0) : undefined} />`;
}

/** @param {{actionId: import("./api.js").ActionId, attempt: any, generatesReport: boolean}} props */
function Links({ actionId, attempt, generatesReport }) {
  const report = generatesReport && attempt.outputs?.reportUri;
  /** @type {any[]} */
  const links = (attempt.logInfo ?? []).filter(isWebLink);
  if (!report && links.length === 0) return null;
  return html`
    <p class="links">
      ${report ? html`<${ReportLink} actionId=${actionId} attempt=${attempt.attempt} />` : null}
      ${links.map(({ uri, name }) => html`<a key=${uri} href=${uri} target="_blank" rel="noopener noreferrer">${name || uri}</a>`)}
    </p>`;
}

/** A link's address comes from the task: "javascript:" and the like are no links. @param {any} link */
const isWebLink = ({ uri }) => /^https?:\/\//i.test(uri ?? "");

/** @param {{error: any}} props */
export function ErrorBox({ error }) {
  const kind = error.kind === "KIND_USER" ? "in the task" : error.kind === "KIND_SYSTEM" ? "in the platform" : "";
  return html`
    <div class="error-box">
      <p><strong class="mono">${error.code || "Error"}</strong> <span class="quiet">${kind}</span></p>
      <pre tabindex="0">${error.message || "no message"}</pre>
    </div>`;
}

/** @param {{transitions: any[], now: number}} props */
function Transitions({ transitions, now }) {
  if (transitions.length === 0) return null;
  return html`
    <h3>Phases</h3>
    <ol class="transitions">${transitions.map((item, index) => html`<${Transition} key=${index} item=${item} now=${now} />`)}</ol>`;
}

/** @param {{item: any, now: number}} props */
function Transition({ item, now }) {
  const start = parseTime(item.startTime);
  const end = parseTime(item.endTime);
  const lasted =
    start === undefined || isTerminal(item.phase)
      ? ""
      : end === undefined
        ? `for ${runningText(now - start)} so far`
        : `for ${durationText(end - start)}`;
  return html`<li><${Phase} phase=${item.phase} /> <span>at <${Clock} at=${item.startTime} /></span> <span class="quiet">${lasted}</span></li>`;
}

/** @param {{events: any[]}} props */
function ClusterEvents({ events }) {
  if (events.length === 0) return null;
  const warnings = events.filter((event) => event.type === "TYPE_WARNING").length;
  return html`
    <details open=${warnings > 0}>
      <summary>${events.length} cluster ${events.length === 1 ? "event" : "events"}${warnings > 0 ? `, ${warnings} of them warnings` : ""}</summary>
      <ul class="events">${events.map((event, index) => html`<li key=${index}><${Clock} at=${event.occurredAt} /> <strong>${event.reason}</strong> ${event.message}</li>`)}</ul>
    </details>`;
}
