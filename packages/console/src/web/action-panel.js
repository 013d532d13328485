/** What is known of one action: how it ended, its attempts, its data. */
import { useRef, useState } from "preact/hooks";
import { watchActionDetails } from "./api.js";
import { AttemptView, ErrorBox } from "./attempt-view.js";
import { LinkBanner, Phase } from "./badges.js";
import { DataView } from "./data-view.js";
import { useSubscription } from "./hooks.js";
import { html } from "./html.js";
import { isTerminal } from "./phase.js";
import { actionTitle } from "./tree.js";

/** @param {{actionId: import("./api.js").ActionId, action: import("./tree.js").Action | undefined, now: number}} props */
export function ActionPanel({ actionId, action, now }) {
  const latest = useRef(/** @type {any} */ (undefined));
  const [details, setDetails] = useState(/** @type {any} */ (undefined));
  const { state, retry } = useSubscription("details", () => ({
    open: (signal) => watchActionDetails(actionId, signal),
    onMessage: (message) => {
      latest.current = message.details;
      setDetails(message.details);
    },
    isDone: () => isTerminal(latest.current?.status?.phase),
  }));
  const shown = details ?? action;
  return html`
    <section class="panel" id="action" aria-labelledby="action-title">
      <header>
        <h2 id="action-title">${shown === undefined ? actionId.name : actionTitle(shown)} <span class="quiet mono">${actionId.name}</span></h2>
        ${shown === undefined ? null : html`<${Phase} phase=${shown.status?.phase} />`}
      </header>
      <${LinkBanner} state=${state} retry=${retry} />
      ${details === undefined ? null : html`<${Details} actionId=${actionId} details=${details} now=${now} />`}
    </section>`;
}

/** @param {{actionId: import("./api.js").ActionId, details: any, now: number}} props */
function Details({ actionId, details, now }) {
  /** @type {any[]} */
  const attempts = details.attempts ?? [];
  // Nothing chosen = the newest, so that a retry is followed.
  const [chosen, choose] = useState(/** @type {number | undefined} */ (undefined));
  const attempt = attempts.find((candidate) => candidate.attempt === chosen) ?? attempts.at(-1);
  const { status, metadata } = details;
  const generatesReport = details.task?.taskTemplate?.metadata?.generatesDeck === true;
  return html`
    <${Facts} details=${details} />
    ${details.abortInfo ? html`<div class="error-box"><strong>Aborted</strong><pre>${details.abortInfo.reason || "no reason was given"}</pre></div>` : null}
    ${details.errorInfo && !attempts.some((item) => item.errorInfo) ? html`<${ErrorBox} error=${details.errorInfo} />` : null}
    ${details.condition ? html`<p>${details.condition.prompt || details.condition.description || "Waits for a signal."}</p>` : null}
    ${
      attempts.length > 1
        ? html`
      <div class="attempt-choice" role="group" aria-label="Attempt">
        ${attempts.map((item) => html`<button type="button" key=${item.attempt} aria-pressed=${item === attempt} onClick=${() => choose(item.attempt)}>Attempt ${item.attempt} <${Phase} phase=${item.phase} /></button>`)}
      </div>`
        : null
    }
    ${
      attempt === undefined
        ? html`<p class="quiet">${noAttempt(status, metadata)}</p>`
        : html`<${AttemptView} key=${attempt.attempt} actionId=${actionId} attempt=${attempt} generatesReport=${generatesReport} now=${now} />`
    }
    ${attempt === attempts.at(-1) ? html`<${DataView} actionId=${actionId} phase=${status?.phase} />` : null}`;
}

/** @param {{details: any}} props */
function Facts({ details }) {
  const { task, environmentName, parent } = details.metadata ?? {};
  const facts = [
    ["Task", task?.id?.name],
    ["Version", task?.id?.version],
    ["Environment", environmentName],
    ["Image", details.task?.taskTemplate?.container?.image],
    ["Parent", parent ? html`<a href=${`?action=${encodeURIComponent(parent)}`}>${parent}</a>` : ""],
  ].filter(([, value]) => value);
  return html`<dl class="facts-list">${facts.map(([term, value]) => html`<div key=${term}><dt>${term}</dt><dd class="mono">${value}</dd></div>`)}</dl>`;
}

/** @param {any} status @param {any} metadata */
function noAttempt(status, metadata) {
  if (metadata?.actionType === "ACTION_TYPE_TRACE") return "A trace runs inside its parent: its log is the parent's.";
  if (metadata?.actionType === "ACTION_TYPE_CONDITION") return "A condition has no pod: it waits for a signal.";
  if (status?.cacheStatus === "CACHE_HIT") return "The result was taken from the cache: nothing ran.";
  return isTerminal(status?.phase)
    ? "It ended before anything ran."
    : "No attempt has started yet: the action is queued.";
}
