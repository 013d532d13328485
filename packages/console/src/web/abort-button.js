/** Stops a run, after a question. */
import { useRef, useState } from "preact/hooks";
import { abortRun } from "./api.js";
import { Banner } from "./badges.js";
import { html } from "./html.js";
import { RpcError } from "./rpc.js";

/** @param {{runId: import("./api.js").RunId}} props */
export function AbortButton({ runId }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [state, setState] = useState(/** @type {"idle" | "asking" | "asked" | RpcError} */ ("idle"));
  const abort = async () => {
    dialog.current?.close();
    setState("asking");
    try {
      await abortRun(runId, "aborted from the console", new AbortController().signal);
      setState("asked");
    } catch (error) {
      setState(error instanceof RpcError ? error : new RpcError("internal", String(error), error));
    }
  };
  const busy = state === "asking" || state === "asked";
  return html`
    <div class="abort">
      <button type="button" class="danger" disabled=${busy} onClick=${() => dialog.current?.showModal()}>${busy ? "Abort requested" : "Abort run"}</button>
      ${state instanceof RpcError ? html`<${Banner} error=${state} retry=${abort} />` : null}
      <dialog ref=${dialog} aria-labelledby="abort-title">
        <h2 id="abort-title">Abort this run?</h2>
        <p>All of its actions are stopped. This can not be undone.</p>
        <p class="buttons">
          <button type="button" autofocus onClick=${() => dialog.current?.close()}>Keep it running</button>
          <button type="button" class="danger" onClick=${abort}>Abort run</button>
        </p>
      </dialog>
    </div>`;
}
