import { useState } from "preact/hooks";
import { reportLink } from "./api.js";
import { Banner } from "./badges.js";
import { html } from "./html.js";
import { RpcError } from "./rpc.js";

/** Opens the report from the object store; its address is signed for minutes, so it is asked for when it is wanted. @param {{actionId: import("./api.js").ActionId, attempt: number}} props */
export function ReportLink({ actionId, attempt }) {
  const [error, setError] = useState(/** @type {RpcError | undefined} */ (undefined));
  const open = async () => {
    // Opened before the call: browsers allow new tabs only as the direct answer to a click.
    const tab = window.open("about:blank", "_blank");
    // The report is the task's own HTML: it gets no handle on this page.
    if (tab !== null) tab.opener = null;
    try {
      const answer = await reportLink(actionId, attempt, new AbortController().signal);
      const url = answer.preSignedUrls?.signedUrl?.[0] ?? "";
      if (!/^https?:\/\//.test(url)) throw new RpcError("not_found", "the server gave no address for the report");
      if (tab === null)
        throw new RpcError("failed_precondition", "the browser did not allow a new tab: allow pop-ups for this page");
      tab.location.replace(url);
      setError(undefined);
    } catch (failure) {
      tab?.close();
      setError(failure instanceof RpcError ? failure : new RpcError("internal", String(failure), failure));
    }
  };
  return html`<button type="button" onClick=${open}>Open report</button>${error ? html`<${Banner} error=${error} retry=${open} />` : null}`;
}
