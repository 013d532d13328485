/** One run: its head, the tree of its actions, and the action that is selected. */
import { useEffect, useRef, useState } from "preact/hooks";
import { AbortButton } from "./abort-button.js";
import { ActionPanel } from "./action-panel.js";
import { ActionTable } from "./action-table.js";
import { getRunDetails, watchActions } from "./api.js";
import { Age, Banner, Clock, Frame, LinkBanner, Phase } from "./badges.js";
import { useLoad, useNow, useSubscription } from "./hooks.js";
import { html } from "./html.js";
import { isTerminal } from "./phase.js";
import { durationText, runningText } from "./text.js";
import { actionTitle, timeSpan } from "./tree.js";

/** @typedef {import("./api.js").RunId} RunId */
/** @typedef {import("./tree.js").Action} Action */

/** @param {{runId: RunId}} props */
export function RunPage({ runId }) {
  const trail = html`<span class="quiet">${runId.project} / ${runId.domain}</span>`;
  // Asked once: a watch on a run that does not exist would wait for ever, this call says that there is none.
  const { loaded, retry } = useLoad("run", (signal) => getRunDetails(runId, signal));
  useEffect(() => {
    document.title = `${runId.name} - Homeplane`;
  }, [runId.name]);
  if (loaded.kind === "ready")
    return html`<${Frame} trail=${trail}><${Run} runId=${runId} details=${loaded.value.details} /><//>`;
  if (loaded.kind === "loading")
    return html`<${Frame} trail=${trail}><h1>${runId.name}</h1><p class="quiet">Loading…</p><//>`;
  const missing = loaded.error.code === "not_found";
  return html`<${Frame} trail=${trail}>
    <h1>${runId.name}</h1>
    <${Banner} error=${loaded.error} retry=${retry} />
    ${missing ? html`<p>Runs live as long as this server's data folder. <a href="/">All runs</a></p>` : null}
  <//>`;
}

/** @param {{runId: RunId, details: any}} props */
function Run({ runId, details }) {
  const known = useRef(/** @type {Map<string, Action>} */ (new Map()));
  const [actions, setActions] = useState(/** @type {Action[]} */ ([]));
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  const show = () => {
    timer.current = undefined;
    setActions([...known.current.values()]);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  const root = actions.find((action) => action.id.name === details.action.id.name) ?? details.action;
  const live = !isTerminal(root.status?.phase) || actions.some((action) => !isTerminal(action.status?.phase));
  const { state, retry } = useSubscription(useSettled(!live) ? undefined : "actions", () => ({
    open: (signal) => watchActions(runId, signal),
    onMessage: ({ enrichedActions = [] }) => {
      for (const { action } of enrichedActions) known.current.set(action.id.name, action);
      // A map over a thousand inputs sends a thousand messages in a moment: they share one rendering.
      timer.current ??= setTimeout(show, renderMs);
    },
    isDone: () => false,
  }));
  const now = useNow(live);
  const [selected, select] = useSelected(details.action.id.name);
  const current = actions.find((action) => action.id.name === selected);
  return html`
    <${RunHead} runId=${runId} root=${root} spec=${details.runSpec} now=${now} />
    <${LinkBanner} state=${state} retry=${retry} />
    <div class="columns">
      <section class="tree" aria-label="Actions">
        ${actions.length === 0 ? html`<p class="quiet">Loading the actions…</p>` : html`<${ActionTable} actions=${actions} now=${now} selected=${selected} onSelect=${select} />`}
      </section>
      <${ActionPanel} key=${selected} actionId=${{ run: runId, name: selected }} action=${current} now=${now} />
    </div>`;
}

const renderMs = 100;

/** Late reports may still come; after this the connection is given back, for a browser has few. */
const settleMs = 60_000;

/** True when `quiet` has held for a minute. @param {boolean} quiet */
function useSettled(quiet) {
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    setSettled(false);
    const timer = setTimeout(() => setSettled(quiet), settleMs);
    return () => clearTimeout(timer);
  }, [quiet]);
  return settled;
}

/** The selected action stands in the address, so that a link to it can be sent. @param {string} root @returns {[string, (name: string) => void]} */
function useSelected(root) {
  const [selected, setSelected] = useState(() => new URLSearchParams(location.search).get("action") ?? root);
  const select = (/** @type {string} */ name) => {
    const address = new URL(location.href);
    if (name === root) address.searchParams.delete("action");
    else address.searchParams.set("action", name);
    history.replaceState(null, "", address);
    setSelected(name);
    // On a narrow screen the panel lies below the tree.
    requestAnimationFrame(() => {
      const panel = document.getElementById("action");
      if (panel !== null && panel.getBoundingClientRect().top > innerHeight * 0.8)
        panel.scrollIntoView({ block: "start" });
    });
  };
  return [selected, select];
}

/** @param {{runId: RunId, root: Action, spec: any, now: number}} props */
function RunHead({ runId, root, spec, now }) {
  const span = timeSpan(root.status, now);
  const labels = Object.entries(spec?.labels?.values ?? {});
  return html`
    <div class="run-head">
      <div>
        <h1>${actionTitle(root)} <span class="quiet mono">${runId.name}</span></h1>
        <p class="facts">
          <${Phase} phase=${root.status?.phase} />
          <span>started <${Clock} at=${root.status?.startTime} /> (<${Age} at=${root.status?.startTime} now=${now} />)</span>
          ${span ? html`<span>${span.open ? `running for ${runningText(span.end - span.start)}` : `took ${durationText(span.end - span.start)}`}</span>` : null}
          ${labels.map(([key, value]) => html`<span class="tag" key=${key}>${key}: ${value}</span>`)}
        </p>
      </div>
      ${isTerminal(root.status?.phase) ? null : html`<${AbortButton} runId=${runId} />`}
    </div>`;
}
