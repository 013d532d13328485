/** Inputs and outputs of an action, shortened. */
import { getActionData } from "./api.js";
import { Banner } from "./badges.js";
import { useLoad } from "./hooks.js";
import { html } from "./html.js";
import { literalText } from "./literal.js";
import { isTerminal } from "./phase.js";

const maxShown = 100;

/** @param {{actionId: import("./api.js").ActionId, phase: string | undefined}} props */
export function DataView({ actionId, phase }) {
  const ended = isTerminal(phase);
  const { loaded, retry } = useLoad(String(ended), (signal) => getActionData(actionId, signal));
  if (loaded.kind === "loading") return null;
  if (loaded.kind === "failed") {
    const large = loaded.error.code === "resource_exhausted";
    if (large)
      return html`<h3>Inputs and outputs</h3><p class="quiet">They are too large to be shown here; read them with the SDK.</p>`;
    return html`<h3>Inputs and outputs</h3><${Banner} error=${loaded.error} retry=${retry} />`;
  }
  const { inputs, outputs, inputsUri, outputsUri } = loaded.value;
  return html`
    <${Values} title="Inputs" literals=${inputs?.literals ?? []} uri=${inputsUri} none="none" />
    <${Values} title="Outputs" literals=${outputs?.literals ?? []} uri=${outputsUri} none=${ended ? "none" : "not yet"} />`;
}

/** @param {{title: string, literals: any[], uri: string | undefined, none: string}} props */
const Values = ({ title, literals, uri, none }) => html`
  <h3>${title}</h3>
  ${literals.length === 0 ? html`<p class="quiet">${none}</p>` : null}
  <dl class="values">
    ${literals.slice(0, maxShown).map(({ name, value }) => html`<div key=${name}><dt class="mono">${name}</dt><dd class="mono">${literalText(value)}</dd></div>`)}
  </dl>
  ${literals.length > maxShown ? html`<p class="quiet">and ${literals.length - maxShown} more</p>` : null}
  ${uri ? html`<p class="quiet mono uri">${uri}</p>` : null}`;
