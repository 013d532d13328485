import type { Clock, Logger, Random } from "@homeplane/runtime-kit";
import { type Call, type CallContext, unary } from "./call.ts";
import type {
  CallOptions,
  DeleteOptions,
  ListOptions,
  Page,
  PatchOptions,
  PodLogOptions,
  WatchOptions,
} from "./client-options.ts";
import { KubeError, isExpired } from "./kube-error.ts";
import { apiVersionOf, type KubeObject, type ResourceType } from "./meta.ts";
import { collectionPath, type ObjectName, objectPath, ownCollectionPath, withQuery } from "./paths.ts";
import { openBytes, openEvents, SILENCE_MS, type WatchEvent } from "./stream.ts";
import { pods, serviceAccounts } from "./resource-types.ts";
import type { Transport } from "./transport.ts";
import type { IssuedToken, TokenRequestSpec } from "./types/authentication.ts";

const DEFAULT_PAGE_SIZE = 500;

const PATCH_TYPES = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const;

/**
 * The Kubernetes API over a {@link Transport}: an embedded server or a real kube-apiserver. Holds no state. All failures are
 * {@link KubeError}s, but for an aborted signal, whose reason is thrown as it is. Kubernetes documentation, "API Concepts".
 */
export class KubeClient {
  readonly #context: CallContext;

  constructor(options: { transport: Transport; log: Logger; clock: Clock; random: Random; userAgent?: string }) {
    this.#context = { ...options, userAgent: options.userAgent ?? "homeplane" };
  }

  async get<T extends KubeObject>(type: ResourceType<T>, object: ObjectName, options: CallOptions = {}): Promise<T> {
    return await this.#object(type, { method: "GET", path: objectPath(type, object) }, options);
  }

  /** All pages. Restarts once when the continue token expires (410) on the way. */
  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<Page<T>> {
    try {
      return await this.#allPages(type, options);
    } catch (error) {
      if (!isExpired(error)) throw error;
      const { resourceVersion: _tooOld, ...latest } = options;
      return await this.#allPages(type, latest);
    }
  }

  /** Page by page, all of one snapshot. Throws Expired (410) when that snapshot is gone: what was read is then incomplete. */
  async *listPages<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): AsyncGenerator<Page<T>> {
    const path = collectionPath(type, options.namespace);
    let next: string | undefined;
    do {
      const query = {
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
        limit: options.limit ?? DEFAULT_PAGE_SIZE,
        // The token names the snapshot; a server refuses both.
        ...(next === undefined ? { resourceVersion: options.resourceVersion } : { continue: next }),
      };
      const list = await this.#json<{ items?: T[] | null; metadata?: { resourceVersion?: string; continue?: string } }>(
        { method: "GET", path: withQuery(path, query) },
        options.signal,
      );
      const items = (list.items ?? []).map((item) => typed(type, item));
      yield { items, resourceVersion: list.metadata?.resourceVersion ?? "" };
      next = list.metadata?.continue === "" ? undefined : list.metadata?.continue;
    } while (next !== undefined);
  }

  /** Never sent twice when the outcome of the first is unknown (ConnectionLost, Timeout): look the object up then. */
  async create<T extends KubeObject>(type: ResourceType<T>, object: T, options: CallOptions = {}): Promise<T> {
    const path = ownCollectionPath(type, object.metadata.namespace);
    return await this.#object(type, { method: "POST", path, body: object }, options);
  }

  /** Conflict when `object.metadata.resourceVersion` is no longer the current one. */
  async update<T extends KubeObject>(type: ResourceType<T>, object: T, options: CallOptions = {}): Promise<T> {
    return await this.#object(type, { method: "PUT", path: objectPath(type, object.metadata), body: object }, options);
  }

  async updateStatus<T extends KubeObject>(type: ResourceType<T>, object: T, options: CallOptions = {}): Promise<T> {
    const path = objectPath(type, object.metadata, "status");
    return await this.#object(type, { method: "PUT", path, body: object }, options);
  }

  /** `kind`: merge (RFC 7386, default), json (RFC 6902) or strategic (built-in types only). */
  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    object: ObjectName,
    patch: unknown,
    options: PatchOptions = {},
  ): Promise<T> {
    const path = objectPath(type, object, options.subresource);
    const contentType = PATCH_TYPES[options.kind ?? "merge"];
    return await this.#object(type, { method: "PATCH", path, body: patch, contentType }, options);
  }

  /**
   * Gives a pod its node, as a scheduler does; a pod's spec can not be patched for that. Conflict when the pod has a node, is being
   * deleted, or has another uid. Never sent twice when the outcome of the first is unknown.
   */
  async bind(
    pod: { readonly namespace: string; readonly name: string; readonly uid: string },
    nodeName: string,
    options: CallOptions = {},
  ): Promise<void> {
    const { namespace, name, uid } = pod;
    const target = { apiVersion: "v1", kind: "Node", name: nodeName };
    const body = { apiVersion: "v1", kind: "Binding", metadata: { namespace, name, uid }, target };
    const path = objectPath(pods, pod, "binding");
    await unary(this.#context, { method: "POST", path, body }, options.signal);
  }

  /** A token of a service account, for the audiences and the object that `spec` names. */
  async createToken(
    account: { readonly namespace: string; readonly name: string },
    spec: TokenRequestSpec,
    options: CallOptions = {},
  ): Promise<IssuedToken> {
    const path = objectPath(serviceAccounts, account, "token");
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
    return (await this.#json<{ status: IssuedToken }>({ method: "POST", path, body }, options.signal)).status;
  }

  /** Resolves when the server has accepted the deletion: finalizers and grace time may keep the object for a while. */
  async delete<T extends KubeObject>(
    type: ResourceType<T>,
    object: ObjectName,
    { signal, ...how }: DeleteOptions = {},
  ): Promise<void> {
    const body = { kind: "DeleteOptions", apiVersion: "v1", ...how };
    await unary(this.#context, { method: "DELETE", path: objectPath(type, object), body }, signal);
  }

  /** Ends when the server ends it; see {@link openWatch}. */
  async *watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    yield* await this.openWatch(type, options);
  }

  /**
   * Resolves when the server has taken the watch. The events throw a KubeError: that of an ERROR event (Expired when
   * `resourceVersion` is too old), ConnectionLost, or Timeout after 90 s without a byte. One try: the caller has a loop.
   */
  async openWatch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
  ): Promise<AsyncGenerator<WatchEvent<T>>> {
    const query = {
      watch: true,
      allowWatchBookmarks: true,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds,
    };
    const path = withQuery(collectionPath(type, options.namespace), query);
    return await openEvents<T>(this.#context, { method: "GET", path }, options.signal);
  }

  /** The bytes of a container's log as the server sends them. With `follow`, only `signal` bounds the wait. */
  async *podLog(pod: { namespace: string; name: string }, options: PodLogOptions): AsyncGenerator<Uint8Array> {
    const { signal, ...query } = options;
    const path = withQuery(objectPath(pods, pod, "log"), query);
    const silenceMs = options.follow === true ? undefined : SILENCE_MS;
    yield* await openBytes(this.#context, { method: "GET", path, accept: "*/*" }, signal, silenceMs);
  }

  async #allPages<T extends KubeObject>(type: ResourceType<T>, options: ListOptions): Promise<Page<T>> {
    const all: Page<T> = { items: [], resourceVersion: "" };
    for await (const page of this.listPages(type, options)) {
      for (const item of page.items) all.items.push(item);
      all.resourceVersion = page.resourceVersion;
    }
    return all;
  }

  async #object<T extends KubeObject>(type: ResourceType<T>, call: Call, options: CallOptions): Promise<T> {
    return typed(type, await this.#json<T>(call, options.signal));
  }

  async #json<T>(call: Call, signal: AbortSignal | undefined): Promise<T> {
    const bytes = await unary(this.#context, call, signal);
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as T;
    } catch (cause) {
      const message = `${call.method} ${call.path}: the answer is no JSON`;
      throw new KubeError({ status: 0, reason: "BadAnswer", message, cause });
    }
  }
}

/** Items of a list come without `apiVersion` and `kind`. */
function typed<T extends KubeObject>(type: ResourceType<T>, object: T): T {
  object.apiVersion ??= apiVersionOf(type);
  object.kind ??= type.kind;
  return object;
}
