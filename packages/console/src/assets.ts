/**
 * Everything the console serves, read once into memory. The list is closed: a path is looked up in it and is never joined to a folder,
 * so no request can name another file.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { HomeplaneError } from "@homeplane/runtime-kit";

export interface Asset {
  readonly body: Buffer;
  readonly contentType: string;
  /** Strong (RFC 9110, 8.8.3): the digest of the body. */
  readonly etag: string;
}

export interface Assets {
  /** The page of every URL that a person opens. */
  readonly page: Asset;
  /** By request path, all below `/console/`. */
  readonly files: ReadonlyMap<string, Asset>;
  /** The inline import map as a CSP source: `'sha256-...'`. */
  readonly importMapSource: string;
}

const javascript = "text/javascript; charset=utf-8";

const modules = [
  "abort-button.js",
  "action-panel.js",
  "action-table.js",
  "api.js",
  "attempt-view.js",
  "badges.js",
  "data-view.js",
  "framing.js",
  "hooks.js",
  "html.js",
  "literal.js",
  "log-buffer.js",
  "log-view.js",
  "main.js",
  "msgpack.js",
  "phase.js",
  "report-link.js",
  "rpc.js",
  "run-page.js",
  "runs-page.js",
  "subscribe.js",
  "text.js",
  "tree.js",
];

/** Where the import map of `index.html` finds the packages. */
const packages = { preact: "preact.js", "preact/hooks": "preact-hooks.js", htm: "htm.js" };

export function loadAssets(): Assets {
  const own = (name: string): URL => new URL(`./web/${name}`, import.meta.url);
  const files = new Map<string, Asset>();
  for (const name of modules) files.set(`/console/${name}`, load(own(name), javascript));
  files.set("/console/style.css", load(own("style.css"), "text/css; charset=utf-8"));
  for (const [specifier, name] of Object.entries(packages)) {
    files.set(`/console/vendor/${name}`, load(new URL(import.meta.resolve(specifier)), javascript));
  }
  const page = load(own("index.html"), "text/html; charset=utf-8");
  return { page, files, importMapSource: importMapSource(page.body.toString("utf8")) };
}

function load(file: URL, contentType: string): Asset {
  const body = readFileSync(file);
  return { body, contentType, etag: `"${createHash("sha256").update(body).digest("base64url")}"` };
}

/** The hash covers every byte between the tags (CSP Level 3, 6.7.3.3): it is taken from the very page that is served. */
function importMapSource(page: string): string {
  const map = /<script type="importmap">([^]*?)<\/script>/.exec(page)?.[1];
  if (map === undefined) {
    throw new HomeplaneError("ConsoleDamaged", "the console's page has no import map", "install the program again");
  }
  return `'sha256-${createHash("sha256").update(map).digest("base64")}'`;
}
