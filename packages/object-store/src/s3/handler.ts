/** One request from its first byte to its last: parse, authenticate, route, run, answer, log one wide event. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock, Logger } from "@homeplane/runtime-kit";
import type { ObjectBody, ObjectStore } from "../port.ts";
import type { VerifiedRequest } from "../sigv4/verify.ts";
import { type S3Error, toS3Error } from "./error.ts";
import { checkKnownHeaders } from "./headers.ts";
import type { MultipartArea } from "./multipart-area.ts";
import { payloadOf } from "./payload.ts";
import { parseRequest, type S3Request } from "./request.ts";
import { routeOf } from "./router.ts";
import { xmlDocument } from "./xml.ts";

/** What is read and thrown away so that a refused client gets to see the answer; past it the connection is cut. */
const MAX_DRAIN_BYTES = 16 * 1024 * 1024;

export interface HandlerContext {
  readonly store: ObjectStore;
  readonly multipart: MultipartArea;
  readonly buckets: readonly string[];
  readonly region: string;
  readonly verify: (request: S3Request) => VerifiedRequest;
  readonly clock: Pick<Clock, "now">;
  readonly log: Logger;
  /** Aborts when the server closes for good. */
  readonly closing: AbortSignal;
}

export type Handler = (message: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createHandler(context: HandlerContext): Handler {
  let count = 0;
  return async (message, response) => {
    const startedMs = context.clock.now();
    count += 1;
    const id = `${startedMs.toString(36)}-${count.toString(36)}`.toUpperCase();
    response.setHeader("x-amz-request-id", id);
    const gone = new AbortController();
    response.on("close", () => {
      if (!response.writableFinished) gone.abort(new Error("the connection was closed"));
    });
    const signal = AbortSignal.any([gone.signal, context.closing]);
    const event: Record<string, unknown> = { event: "s3.request", id, method: message.method };
    try {
      const request = parseRequest(message);
      Object.assign(event, { bucket: request.bucket, key: request.key });
      const verified = context.verify(request);
      checkKnownHeaders(request);
      const route = routeOf(request);
      event.operation = route.name;
      const payload = payloadOf(request, bodyOf(message, response), verified);
      await route.run({ ...context, request, response, payload, signal });
    } catch (error) {
      const failure = toS3Error(error);
      Object.assign(event, {
        code: failure.code,
        ...(failure.status >= 500 && failure.code !== "NotImplemented" && !gone.signal.aborted && { err: error }),
      });
      await refuse(message, response, failure, id);
    } finally {
      Object.assign(event, { status: response.statusCode, aborted: gone.signal.aborted });
      context.log[event.err === undefined ? "debug" : "error"]({ ...event, ms: context.clock.now() - startedMs });
    }
  };
}

/** A client that waits for "100 Continue" gets it when its body is first read, so never for a request that was refused. */
async function* bodyOf(message: IncomingMessage, response: ServerResponse): ObjectBody {
  if (message.headers.expect?.toLowerCase() === "100-continue") response.writeContinue();
  yield* message as AsyncIterable<Uint8Array>;
}

async function refuse(message: IncomingMessage, response: ServerResponse, failure: S3Error, id: string): Promise<void> {
  if (response.destroyed) return;
  // Half of an answer cannot be taken back: the client must see that it is cut off.
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (!(await drain(message))) response.setHeader("connection", "close");
  const fields = { Code: failure.code, Message: failure.message, Resource: message.url?.split("?")[0], RequestId: id };
  const body = Buffer.from(xmlDocument("Error", fields, false));
  response.writeHead(failure.status, { "content-type": "application/xml", "content-length": body.byteLength });
  response.end(message.method === "HEAD" ? undefined : body);
}

/** True when nothing of the request is left on the connection. */
async function drain(message: IncomingMessage): Promise<boolean> {
  if (message.complete) return true;
  const length = Number(message.headers["content-length"] ?? 0);
  if (message.destroyed || message.headers.expect !== undefined || length > MAX_DRAIN_BYTES) return false;
  let left = MAX_DRAIN_BYTES;
  return new Promise((resolve) => {
    message.on("data", (chunk: Buffer) => {
      left -= chunk.byteLength;
      if (left < 0) resolve(false);
    });
    message.on("end", () => resolve(true));
    message.on("close", () => resolve(false));
    message.resume();
  });
}
