/** Calls of task pods that are not ours go on to the control plane over the orchestration channel, in the pod's name. */
import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, Transport } from "@connectrpc/connect";
import { callerKey } from "./identity/caller.ts";
import { callerText } from "./identity/rights.ts";
import { assertOwnScope } from "./identity/scope.ts";

/** Headers that mean something to the receiver: the idempotency key. */
const forwarded = ["x-request-id"];
/** In whose name: `project/domain/run/action`. */
const callerHeader = "x-homeplane-task";

export function passOn(router: ConnectRouter, services: readonly DescService[], upstream: Transport): void {
  for (const service of services) for (const method of service.methods) passOnMethod(router, method, upstream);
}

function passOnMethod(router: ConnectRouter, method: DescMethod, upstream: Transport): void {
  if (method.methodKind === "unary") {
    router.rpc(method as DescMethod & { methodKind: "unary" }, async (request, ctx) => {
      checkCaller(method, request, ctx);
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
      checkCaller(method, request, ctx);
      const { message } = await upstream.stream(streaming, ctx.signal, ctx.timeoutMs(), headers(ctx), one(request));
      yield* message;
    });
  }
}

function checkCaller(method: DescMethod, request: Message, { values }: HandlerContext): void {
  const caller = values.get(callerKey);
  if (caller === undefined) return;
  assertOwnScope(caller.taskAction, `${method.parent.typeName}.${method.name}`, method.input, request);
}

function headers({ requestHeader, values }: HandlerContext): Headers {
  const kept = new Headers();
  const caller = values.get(callerKey);
  if (caller !== undefined) kept.set(callerHeader, callerText(caller.taskAction));
  for (const name of forwarded) {
    const value = requestHeader.get(name);
    if (value !== null) kept.set(name, value);
  }
  return kept;
}

async function* one<T>(message: T): AsyncIterable<T> {
  yield message;
}
