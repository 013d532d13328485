/** For tests: a proxy before a store, over plain HTTP, that does to requests what a network and a tired store do. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Fault =
  /** The store never sees it. */
  | { readonly kind: "reset" }
  /** The store does it; nobody is told. */
  | { readonly kind: "lost-answer" }
  /** The answer's body breaks after so many bytes. */
  | { readonly kind: "cut"; readonly bytes: number }
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    };

export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  /** `METHOD path?query` of all that came. */
  readonly seen: string[];
  /** Asked for each request, with its line; undefined passes it on. */
  decide: (line: string, headers: IncomingMessage["headers"]) => Fault | undefined;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const seen: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const line = `${incoming.method} ${incoming.url}`;
    seen.push(line);
    const fault = proxy.decide(line, incoming.headers);
    if (fault?.kind === "reset") return void incoming.socket.resetAndDestroy();
    if (fault?.kind === "answer") {
      incoming.resume();
      return void incoming.on("end", () => outgoing.writeHead(fault.status, fault.headers).end(fault.body));
    }
    passOn(target, incoming, outgoing, fault);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    decide: () => undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** With the headers as they came: the signature is over the proxy's own address. */
function passOn(target: string, incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): void {
  const { hostname, port } = new URL(target);
  const { method, headers, url: path } = incoming;
  const call = request({ hostname, port, method, path, headers, agent: false }, (answer) => {
    if (fault?.kind === "lost-answer") {
      answer.resume();
      return void answer.on("end", () => incoming.socket.resetAndDestroy());
    }
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    if (fault?.kind !== "cut") return void answer.pipe(outgoing);
    if (fault.bytes === 0) {
      outgoing.flushHeaders();
      return void setTimeout(() => incoming.socket.resetAndDestroy(), 10);
    }
    let left = fault.bytes;
    answer.on("data", (chunk: Buffer) => {
      if (left > 0) outgoing.write(chunk.subarray(0, left), () => left <= 0 && incoming.socket.resetAndDestroy());
      left -= chunk.byteLength;
    });
  });
  call.on("error", () => incoming.socket.destroy());
  incoming.pipe(call);
}
