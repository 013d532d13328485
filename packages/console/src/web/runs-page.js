/** The runs of all projects, newest first. */
import { useEffect, useState } from "preact/hooks";
import { listRuns } from "./api.js";
import { Age, Banner, Frame, Phase } from "./badges.js";
import { useNow } from "./hooks.js";
import { html } from "./html.js";
import { isTerminal } from "./phase.js";
import { RpcError } from "./rpc.js";
import { backoffMs, pause, untilVisible } from "./subscribe.js";
import { durationText, runningText } from "./text.js";
import { actionTitle, timeSpan } from "./tree.js";

const step = 50;
/** What the server gives in one answer at most. */
const most = 1000;
/** There is no watch over all runs: the list is asked for again, faster while something runs or the first run is awaited. */
const liveMs = 1_000;
const idleMs = 3_000;

/** @typedef {{runs: any[], more: boolean}} List */

export function RunsPage() {
  const [limit, setLimit] = useState(step);
  const [list, setList] = useState(/** @type {List | undefined} */ (undefined));
  const [error, setError] = useState(/** @type {RpcError | undefined} */ (undefined));
  const [round, setRound] = useState(0);
  useEffect(() => {
    document.title = "Runs - Homeplane";
  }, []);
  useEffect(() => {
    const controller = new AbortController();
    poll(limit, controller.signal, setList, setError).catch((failure) =>
      setError(new RpcError("internal", String(failure))),
    );
    return () => controller.abort();
  }, [limit, round]);
  const now = useNow(true);
  return html`<${Frame}>
    <h1>Runs</h1>
    ${error ? html`<${Banner} error=${error} note="Trying again by itself." retry=${() => setRound(round + 1)} />` : null}
    ${list === undefined ? (error ? null : html`<p class="quiet">Loading…</p>`) : null}
    ${list?.runs.length === 0 ? html`<${NoRuns} />` : null}
    ${list?.runs.length ? html`<${RunTable} runs=${list.runs} now=${now} />` : null}
    ${list?.more && limit < most ? html`<p><button type="button" onClick=${() => setLimit(Math.min(most, limit + (limit < 200 ? step : 200)))}>Show older runs</button></p>` : null}
    ${list?.more && limit >= most ? html`<p class="quiet">These are the newest ${most} runs; <code>flyte get run</code> lists all.</p>` : null}
  <//>`;
}

/** @param {number} limit @param {AbortSignal} signal @param {(list: List) => void} onList @param {(error: RpcError | undefined) => void} onError */
async function poll(limit, signal, onList, onError) {
  let failures = 0;
  while (!signal.aborted) {
    await untilVisible(signal);
    try {
      const { runs = [], token = "" } = await listRuns(limit, signal);
      onList({ runs, more: token !== "" });
      onError(undefined);
      failures = 0;
      const live = runs.length === 0 || runs.some((run) => !isTerminal(run.action?.status?.phase));
      await pause(live ? liveMs : idleMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      onError(error instanceof RpcError ? error : new RpcError("internal", String(error), error));
      await pause(backoffMs(failures), signal);
      failures += 1;
    }
  }
}

const NoRuns = () => html`
  <section class="empty">
    <h2>No runs yet</h2>
    <p>Start one from a terminal; it shows up here by itself:</p>
    <pre>flyte run hello</pre>
    <p>If the CLI does not point to this server yet:</p>
    <pre>flyte create config --endpoint ${location.host} --insecure</pre>
  </section>`;

/** @param {{runs: any[], now: number}} props */
const RunTable = ({ runs, now }) => html`
  <table class="runs">
    <thead>
      <tr><th scope="col">Run</th><th scope="col">Task</th><th scope="col">Project</th><th scope="col">Phase</th><th scope="col">Started</th><th scope="col" class="number">Duration</th></tr>
    </thead>
    <tbody>${runs.map((run) => html`<${RunRow} key=${keyOf(run)} run=${run} now=${now} />`)}</tbody>
  </table>`;

/** @param {any} run */
function keyOf(run) {
  const { project, domain, name } = run.action.id.run;
  return `${project}/${domain}/${name}`;
}

/** @param {{run: any, now: number}} props */
function RunRow({ run, now }) {
  const { action } = run;
  const { project, domain, name } = action.id.run;
  const span = timeSpan(action.status, now);
  const href = `/v2/domain/${encodeURIComponent(domain)}/project/${encodeURIComponent(project)}/runs/${encodeURIComponent(name)}`;
  return html`
    <tr>
      <th scope="row" class="run-name"><a href=${href}>${name}</a></th>
      <td class="task" title=${actionTitle(action)}>${action.metadata?.task?.id?.name ?? actionTitle(action)}</td>
      <td class="project quiet">${project} / ${domain}</td>
      <td class="phase-cell"><${Phase} phase=${action.status?.phase} /></td>
      <td class="started"><${Age} at=${action.status?.startTime} now=${now} /></td>
      <td class="number duration">${span === undefined ? "" : span.open ? runningText(span.end - span.start) : durationText(span.end - span.start)}</td>
    </tr>`;
}
