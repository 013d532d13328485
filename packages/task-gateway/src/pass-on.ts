/** Calls of task pods that are not ours go on to the control plane over the orchestration channel, in the pod's name. */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, Transport } from "@connectrpc/connect";

/** Headers that mean something to the receiver: the idempotency key. */
const forwarded = ["x-request-id"];

export function passOn(router: ConnectRouter, services: readonly DescService[], upstream: Transport): void {
  for (const service of services) for (const method of service.methods) passOnMethod(router, method, upstream);
}

function passOnMethod(router: ConnectRouter, method: DescMethod, upstream: Transport): void {
  if (method.methodKind === "unary") {
    router.rpc(method as DescMethod & { methodKind: "unary" }, async (request, ctx) => {
      const { message } = await upstream.unary(
        method as DescMethod & { methodKind: "unary" },
        ctx.signal,
        ctx.timeoutMs(),
        headers(ctx),
        request,
      );
      return message;
    });
  } else if (method.methodKind === "server_streaming") {
    const streaming = method as DescMethod & { methodKind: "server_streaming" };
    router.rpc(streaming, async function* (request, ctx) {
      const { message } = await upstream.stream(streaming, ctx.signal, ctx.timeoutMs(), headers(ctx), one(request));
      yield* message;
    });
  }
}

function headers({ requestHeader }: HandlerContext): Headers {
  const kept = new Headers();
  for (const name of forwarded) {
    const value = requestHeader.get(name);
    if (value !== null) kept.set(name, value);
  }
  return kept;
}

async function* one<T>(message: T): AsyncIterable<T> {
  yield message;
}
