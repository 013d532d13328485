import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { type Clock, type Logger, messageOf, type Random } from "@homeplane/runtime-kit";
import { Quotas } from "../quota/quotas.ts";
import type { Store } from "../store/store.ts";
import { ApiError } from "./api-error.ts";
import type { ApiContext } from "./context.ts";
import { GarbageCollector } from "./garbage-collector.ts";
import type { PodLogs } from "./pod-log.ts";
import { Registry } from "./registry.ts";
import type { ApiRequest, ApiResponse } from "./request.ts";
import { jsonResponse } from "./response.ts";
import { metaRoute, resourceRoute } from "./route.ts";

export interface ApiServerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly podLogs: PodLogs;
  /** A private key on P-256 that signs the tokens of service accounts. Default: a new one, so that tokens end with the server. */
  readonly tokenKey?: KeyObject;
}

const INITIAL_NAMESPACES = ["default", "kube-system"];

/**
 * A Kubernetes API server without a network: requests in, responses out, all state in the store, time only from the clock.
 * It answers the wire protocol of https://kubernetes.io/docs/reference/using-api/ for the kinds in builtin-types.ts and for
 * custom resources. Whoever can call {@link handle} may do everything: authentication is the transport's.
 */
export class ApiServer {
  readonly #context: ApiContext;
  readonly #collector: GarbageCollector;
  #ready: Promise<void> | undefined;

  constructor(options: ApiServerOptions) {
    const tokenKey = options.tokenKey ?? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const context = { ...options, tokenKey, registry: new Registry() };
    this.#context = { ...context, quotas: new Quotas(context) };
    this.#collector = new GarbageCollector(this.#context);
  }

  /** Loads the custom resource definitions and makes the initial namespaces; {@link handle} waits for it by itself. */
  ready(): Promise<void> {
    this.#ready ??= this.#prepare();
    return this.#ready;
  }

  async #prepare(): Promise<void> {
    await this.#context.registry.load(this.#context.store);
    await this.#context.quotas.load();
    for (const name of INITIAL_NAMESPACES) {
      if ((await this.#context.store.get({ resource: "namespaces", namespace: "", name })) !== undefined) continue;
      const body = new TextEncoder().encode(JSON.stringify({ metadata: { name } }));
      await this.#answer({ method: "POST", path: "/api/v1/namespaces", headers: {}, body });
    }
  }

  /** Never rejects: what goes wrong is a Status with its HTTP code. Errors while a streamed body is read reject its iterator. */
  async handle(request: ApiRequest): Promise<ApiResponse> {
    try {
      await this.ready();
      return await this.#answer(request);
    } catch (error) {
      return this.#failure(request, error);
    }
  }

  async #answer(request: ApiRequest): Promise<ApiResponse> {
    // Not `new URL`: it would resolve `..` and take `//x` for a host.
    const [pathname = "", search = ""] = request.path.split("?", 2);
    const query = new URLSearchParams(search);
    if (request.method === "GET" || request.method === "HEAD") {
      const answer = metaRoute(this.#context, pathname, request.headers.accept ?? "");
      if (answer !== undefined) return answer;
    }
    return await resourceRoute(this.#context, request, pathname, query);
  }

  #failure(request: ApiRequest, error: unknown): ApiResponse {
    if (error instanceof ApiError) {
      const retry = error.details?.retryAfterSeconds;
      return jsonResponse(error.code, error.toStatus(), retry === undefined ? {} : { "retry-after": String(retry) });
    }
    this.#context.log.error(
      { event: "kube.request.failed", method: request.method, path: request.path, err: error },
      "a request failed unexpectedly",
    );
    return jsonResponse(
      500,
      new ApiError(500, "InternalError", `Internal error occurred: ${messageOf(error)}`).toStatus(),
    );
  }

  /** Garbage collection, the deletion of namespaces and custom resources, and the status of quotas, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.ready();
    await Promise.all([this.#collector.run(signal), this.#context.quotas.run(signal)]);
  }
}
