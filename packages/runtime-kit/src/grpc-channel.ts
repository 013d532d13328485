/** A gRPC channel to a server of ours over TLS: it reconnects by itself, and what the network does to a call becomes UNAVAILABLE with words. */
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { connectionLoss } from "./connection-loss.ts";
import { messageOf } from "./error.ts";
import { Http2Link, type Http2LinkOptions } from "./http2-link.ts";

export interface GrpcChannelOptions extends Http2LinkOptions {
  /** Who is at the other end, as in "the control plane". */
  readonly peer: string;
  /** Sent with each call. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
}

export interface GrpcChannel {
  readonly transport: Transport;
  /** Why there is no connection now. */
  problem(): string | undefined;
  close(): void;
}

/** For a call that has no deadline; a stream has none then. */
const defaultTimeoutMs = 60_000;

export function openGrpcChannel(options: GrpcChannelOptions): GrpcChannel {
  const { url, peer, headers } = options;
  const link = new Http2Link(options);
  const authority = new URL(url).origin;
  const inner = createGrpcTransport({
    baseUrl: authority,
    sessionManager: {
      authority,
      request: async (method, path, header, requestOptions) => {
        const [session, own] = await Promise.all([link.session(), headers()]);
        return session.request({ ...header, ...own, ":method": method, ":path": path }, requestOptions);
      },
      notifyResponseByteRead: () => undefined,
    },
  });
  const convert = (error: unknown, signal: AbortSignal | undefined): unknown => {
    if (signal?.aborted === true || connectionLoss(error) === undefined) return error;
    const reason = error instanceof ConnectError ? error.rawMessage : messageOf(error);
    return new ConnectError(
      `${peer} at ${url} does not answer: ${reason}`,
      Code.Unavailable,
      undefined,
      undefined,
      error,
    );
  };
  /** Once more when a server that stops has not begun with it. */
  const twice = async <T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      if (signal?.aborted === true || connectionLoss(error) !== "unsent" || link.problem !== undefined)
        throw convert(error, signal);
    }
    return call().catch((error: unknown) => {
      throw convert(error, signal);
    });
  };
  return {
    transport: {
      unary: (method, signal, timeoutMs, header, input, contextValues) =>
        twice(signal, () => inner.unary(method, signal, timeoutMs ?? defaultTimeoutMs, header, input, contextValues)),
      stream: async (method, signal, timeoutMs, header, input, contextValues) => {
        const fail = (error: unknown): never => {
          throw convert(error, signal);
        };
        const answer = await inner.stream(method, signal, timeoutMs, header, input, contextValues).catch(fail);
        return { ...answer, message: failing(answer.message, fail) };
      },
    },
    problem: () => link.problem,
    close: () => link.close(),
  };
}

/** The same messages; what they end with goes to `fail`. */
export async function* failing<T>(messages: AsyncIterable<T>, fail: (error: unknown) => never): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    fail(error);
  }
}
