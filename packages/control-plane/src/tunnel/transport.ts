/** Calls of the tunnel's services as plain Connect calls. A call whose connection dies is made again on another one where that is safe. */
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import type { DescMethod } from "@bufbuild/protobuf";
import { createConnectTransport } from "@connectrpc/connect-node";
import { LogService, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { ImageService } from "@homeplane/idl/homeplane/v1/images";
import { SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { type Clock, connectionLoss, failing, pause } from "@homeplane/runtime-kit";
import { tunnelAuthority, type TunnelRegistry } from "./registry.ts";

/** Two of the same do what one does. Of secrets, a second Create finds the first one's, a second Delete nothing. */
const repeatable: ReadonlySet<DescMethod> = new Set<DescMethod>([
  ...ObjectStoreService.methods,
  ...LogService.methods,
  ...ImageService.methods,
  SecretService.method.getSecret,
  SecretService.method.listSecrets,
  SecretService.method.updateSecret,
]);

const maxTries = 5;
const againMs = 10;
const never = new AbortController().signal;

export function createTunnelTransport(registry: TunnelRegistry, cluster: string, clock: Clock): Transport {
  const inner = createConnectTransport({
    baseUrl: tunnelAuthority,
    httpVersion: "2",
    useBinaryFormat: true,
    // Compressing costs more time than a line between data centres: what lies in the object store is often compressed already.
    acceptCompression: [],
    sessionManager: {
      authority: tunnelAuthority,
      request: async (method, path, headers, options) => {
        const { session, release } = await registry.take(cluster);
        try {
          const stream = session.request({ ...headers, ":method": method, ":path": path }, options);
          stream.once("close", release);
          return stream;
        } catch (error) {
          release();
          throw error;
        }
      },
      notifyResponseByteRead: () => undefined,
    },
  });
  const again = async <T>(method: DescMethod, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await call();
      } catch (error) {
        const loss = signal?.aborted === true ? undefined : connectionLoss(error);
        if (loss === undefined) throw error;
        const safe = loss === "unsent" || repeatable.has(method);
        if (!safe || tries === maxTries) throw broken(cluster, error);
        // The streams of a connection end before it does: at once the next try could get the same.
        await pause(clock, againMs * 3 ** (tries - 1), signal ?? never);
      }
    }
  };
  return {
    // The deadline is counted anew for a repetition: there are few, and each begins when a connection has died.
    unary: (method, signal, timeoutMs, header, input, contextValues) =>
      again(method, signal, () => inner.unary(method, signal, timeoutMs, header, input, contextValues)),
    stream: async (method, signal, timeoutMs, header, input, contextValues) => {
      if (method.methodKind !== "server_streaming")
        throw new ConnectError("the tunnel carries no streams to the data plane", Code.Unimplemented);
      const messages = await collect(input);
      const answer = await again(method, signal, () =>
        inner.stream(method, signal, timeoutMs, header, each(messages), contextValues),
      );
      const fail = (error: unknown): never => {
        throw signal?.aborted !== true && connectionLoss(error) !== undefined ? broken(cluster, error) : error;
      };
      return { ...answer, message: failing(answer.message, fail) };
    },
  };
}

async function collect<T>(input: AsyncIterable<T>): Promise<readonly T[]> {
  const messages: T[] = [];
  for await (const message of input) messages.push(message);
  return messages;
}

async function* each<T>(messages: readonly T[]): AsyncIterable<T> {
  yield* messages;
}

function broken(cluster: string, cause: unknown): ConnectError {
  const message = `the connection to the data plane "${cluster}" broke during the call: call again`;
  return new ConnectError(message, Code.Unavailable, undefined, undefined, cause);
}
