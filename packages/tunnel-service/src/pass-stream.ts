/**
 * One call through the tunnel: an HTTP/2 stream is passed on to the component that has its service, headers, bytes and trailers as they are, with
 * back-pressure both ways and our own identity in the place of the caller's. Nothing is parsed and nothing kept.
 */
import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { type Http2Link, type Logger, messageOf } from "@homeplane/runtime-kit";
import { refuse, unavailable, unimplemented } from "./refuse.ts";
import type { TunnelServiceOptions, Upstream } from "./options.ts";

export interface PassOptions extends Pick<TunnelServiceOptions, "services" | "absent"> {
  /** By the address of the component. */
  readonly links: ReadonlyMap<string, Http2Link>;
  readonly log: Logger;
}

export async function passStream(
  options: PassOptions,
  incoming: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): Promise<void> {
  // Without it an error that ends both streams would end the process.
  incoming.on("error", () => undefined);
  const service = /^\/([\w.]+)\/\w+$/.exec(headers[":path"] ?? "")?.[1] ?? "";
  const upstream = options.services.get(service);
  if (upstream === undefined) {
    const message = options.absent.get(service) ?? `the data plane serves no ${headers[":path"]}`;
    refuse(incoming, headers, unimplemented, message);
    return;
  }
  try {
    const outgoing = await open(options.links, upstream, headers);
    join(incoming, headers, outgoing, service);
  } catch (error) {
    options.log.warn({ event: "tunnel.upstream", service, url: upstream.url, error: messageOf(error) });
    refuse(
      incoming,
      headers,
      unavailable,
      `${nameOf(service)} of the data plane can not be reached: ${messageOf(error)}`,
    );
  }
}

async function open(
  links: PassOptions["links"],
  upstream: Upstream,
  headers: IncomingHttpHeaders,
): Promise<ClientHttp2Stream> {
  const [session, token] = await Promise.all([links.get(upstream.url)?.session(), upstream.token?.()]);
  if (session === undefined) throw new Error(`there is no connection to ${upstream.url}`);
  const passed: OutgoingHttpHeaders = { ...headers };
  for (const own of [":authority", ":scheme", "authorization", "host"]) delete passed[own];
  if (token !== undefined) passed["authorization"] = `Bearer ${token}`;
  return session.request(passed, { endStream: false });
}

function join(
  incoming: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  outgoing: ClientHttp2Stream,
  service: string,
): void {
  let trailers: OutgoingHttpHeaders | undefined;
  outgoing.on("error", () => undefined);
  incoming.pipe(outgoing);
  outgoing.once("response", (head, flags) => {
    if (incoming.destroyed || incoming.closed) return;
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    incoming.respond(withoutDate(head), { endStream: ended, waitForTrailers: !ended });
    if (!ended) outgoing.pipe(incoming);
  });
  outgoing.once("trailers", (last) => {
    trailers = last;
  });
  outgoing.once("end", () => {
    // The Connect protocol has none.
    if (!outgoing.aborted && outgoing.rstCode === constants.NGHTTP2_NO_ERROR) trailers ??= {};
  });
  incoming.once("wantTrailers", () => {
    if (trailers !== undefined && !incoming.destroyed) incoming.sendTrailers(trailers);
    // An answer that was cut short must not look like a whole one.
    else incoming.close(constants.NGHTTP2_INTERNAL_ERROR);
  });
  // The end of one is the end of the other: a caller that has left stops the work, a component that has died is told of.
  incoming.once("close", () => {
    if (!outgoing.closed) outgoing.close(constants.NGHTTP2_CANCEL);
  });
  outgoing.once("close", () => {
    if (incoming.closed || incoming.destroyed) return;
    if (!incoming.headersSent)
      refuse(incoming, headers, unavailable, `${nameOf(service)} of the data plane broke off the call`);
    else if (trailers === undefined && !incoming.writableEnded) incoming.close(constants.NGHTTP2_INTERNAL_ERROR);
  });
}

/** Node writes its own. */
function withoutDate({ date: _date, ...head }: IncomingHttpHeaders): OutgoingHttpHeaders {
  return head;
}

function nameOf(service: string): string {
  return service.slice(service.lastIndexOf(".") + 1);
}
