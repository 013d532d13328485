/** An answer that is an error and nothing else, in the caller's protocol. */
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";

interface Status {
  /** https://connectrpc.com/docs/protocol#error-codes */
  readonly code: string;
  readonly httpStatus: number;
  /** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
  readonly grpcStatus: number;
}

export const unimplemented: Status = { code: "unimplemented", httpStatus: 501, grpcStatus: 12 };
export const unavailable: Status = { code: "unavailable", httpStatus: 503, grpcStatus: 14 };

export function refuse(
  stream: ServerHttp2Stream,
  request: IncomingHttpHeaders,
  { code, httpStatus, grpcStatus }: Status,
  message: string,
): void {
  if (stream.destroyed || stream.headersSent) return;
  const type = request["content-type"] ?? "";
  const answer = (headers: OutgoingHttpHeaders, body?: Buffer): void => {
    stream.respond(headers, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    // What the caller still sends is dropped: it must not hold its connection's other calls up.
    stream.resume();
  };
  const error = { code, message };
  if (type.startsWith("application/grpc")) {
    const own = { "grpc-status": String(grpcStatus), "grpc-message": encodeURIComponent(message) };
    answer({ ":status": 200, "content-type": type, ...own });
  } else if (type.startsWith("application/connect+")) {
    answer({ ":status": 200, "content-type": type }, endOfStream({ error }));
  } else {
    answer({ ":status": httpStatus, "content-type": "application/json" }, Buffer.from(JSON.stringify(error)));
  }
  if (!stream.readableEnded) stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
}

/** Connect's last message of a stream: flag 2, length, JSON. */
function endOfStream(end: object): Buffer {
  const json = Buffer.from(JSON.stringify(end));
  const head = Buffer.alloc(5);
  head.writeUInt8(2, 0);
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, json]);
}
