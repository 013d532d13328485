/** Finds the page of this address and shows it. */
import { render } from "preact";
import { html } from "./html.js";
import { RunPage } from "./run-page.js";
import { RunsPage } from "./runs-page.js";

function page() {
  const match = /^\/v2\/domain\/([^/]+)\/project\/([^/]+)\/runs\/([^/]+)\/?$/.exec(location.pathname);
  if (match === null) return html`<${RunsPage} />`;
  const [domain = "", project = "", name = ""] = match.slice(1).map(decode);
  return html`<${RunPage} runId=${{ domain, project, name }} />`;
}

/** What is not decodable names nothing: the server then says so. @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const root = document.getElementById("app");
if (root !== null) render(page(), root);
