/**
 * What is no message is the caller's fault: INVALID_ARGUMENT. connect-es answers INTERNAL (serialization.ts, "parse binary"), which
 * clients take for a fault of the server and repeat. In streams the error passes the interceptor, in unary Connect calls it never does:
 * there the answer is changed. gRPC keeps INTERNAL, as its own table of status codes says.
 */
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";

type Handler = ConnectRouter["handlers"][number];

const mark = "parse binary: ";

export function isMalformed(error: unknown): error is ConnectError {
  return error instanceof ConnectError && error.code === Code.Internal && error.rawMessage.startsWith(mark);
}

export function malformed(error: ConnectError): ConnectError {
  return new ConnectError(
    `the request is not a message of this method: ${error.rawMessage}`,
    Code.InvalidArgument,
    undefined,
    undefined,
    error,
  );
}

/** Wraps all handlers of the router. */
export function refuseMalformed(router: ConnectRouter): void {
  for (const [index, handler] of router.handlers.entries()) router.handlers[index] = wrapped(handler);
}

function wrapped(handler: Handler): Handler {
  const call = async (request: Parameters<Handler>[0]): ReturnType<Handler> => {
    const answer = await handler(request);
    if (answer.status !== 500 || answer.body === undefined) return answer;
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    const whole = Buffer.concat(chunks);
    if (!whole.includes(mark)) return { ...answer, body: asBody(whole) };
    const { message } = JSON.parse(whole.toString()) as { message: string };
    const { rawMessage } = malformed(new ConnectError(message, Code.Internal));
    const body = Buffer.from(JSON.stringify({ code: "invalid_argument", message: rawMessage }));
    answer.header?.set("content-length", String(body.length));
    return { ...answer, status: 400, body: asBody(body) };
  };
  return Object.assign(call, handler);
}

async function* asBody(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
