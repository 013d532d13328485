/**
 * The console's HTTP side: static files and nothing else. The page talks to the control plane by the same RPCs as every client, so
 * there is no second API to guard.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Logger } from "@homeplane/runtime-kit";
import { type Asset, type Assets, loadAssets } from "./assets.ts";
import { notFoundPage } from "./not-found.ts";
import { securityHeaders } from "./security-headers.ts";

/** What the `flyte` CLI prints for a run; `/` is the list of runs. */
const runPath = /^\/v2\/domain\/[^/]{1,255}\/project\/[^/]{1,255}\/runs\/[^/]{1,255}\/?$/;

type Request = IncomingMessage | Http2ServerRequest;
/** `write` is left out: its types differ between the two, and between Node and Connect; both kinds of handler can be made of this one. */
type Response = Omit<ServerResponse, "write"> | Omit<Http2ServerResponse, "write">;

interface Answer {
  readonly status: number;
  readonly asset: Asset;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers GET and HEAD: 200 or 304 for what there is, 404 with a page that helps for anything else; 405 for other methods. */
export function consoleHandler(options: { log: Logger }): (request: Request, response: Response) => void {
  const assets = loadAssets();
  const security = securityHeaders(assets.importMapSource);
  return (request, response) => {
    const { status, asset, headers } = answer(assets, request.method ?? "GET", request.url ?? "/");
    const { "if-none-match": ifNoneMatch } = request.headers;
    const unchanged = status === 200 && matches(ifNoneMatch, asset.etag);
    response.statusCode = unchanged ? 304 : status;
    // "no-cache" = keep it, but ask: the names carry no version, and the answer to the question is a short 304.
    const cache = status === 200 ? { etag: asset.etag, "cache-control": "no-cache" } : { "cache-control": "no-store" };
    for (const [name, value] of Object.entries({ ...security, ...cache, ...headers })) response.setHeader(name, value);
    if (!unchanged) {
      response.setHeader("content-type", asset.contentType);
      response.setHeader("content-length", asset.body.length);
    }
    options.log.debug({
      event: "console.served",
      method: request.method,
      path: request.url,
      status: response.statusCode,
    });
    if (unchanged || request.method === "HEAD") response.end();
    else response.end(asset.body);
  };
}

function answer(assets: Assets, method: string, url: string): Answer {
  if (method !== "GET" && method !== "HEAD") {
    return {
      status: 405,
      asset: text(`${method} is not served here: GET and HEAD are\n`),
      headers: { allow: "GET, HEAD" },
    };
  }
  // Taken as it was sent: a path that would need decoding or normalising is on no list.
  const path = url.split(/[?#]/, 1)[0] ?? "/";
  if (path === "/" || runPath.test(path)) return { status: 200, asset: assets.page };
  const file = assets.files.get(path);
  return file === undefined ? { status: 404, asset: notFoundPage } : { status: 200, asset: file };
}

function text(body: string): Asset {
  return { body: Buffer.from(body), contentType: "text/plain; charset=utf-8", etag: "" };
}

/** RFC 9110, 13.1.2: a list of tags, weak comparison. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  return (ifNoneMatch ?? "").split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
