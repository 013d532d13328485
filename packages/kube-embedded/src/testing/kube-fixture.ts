import { silentLogger } from "@homeplane/runtime-kit";
import { ApiServer } from "../api/api-server.ts";
import type { PodLogs } from "../api/pod-log.ts";
import type { Json, JsonObject } from "../store/json.ts";
import type { KubeObject } from "../store/object.ts";
import { openStore, type StoreOptions } from "../store/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** mulberry32: a small generator whose sequence is its seed's. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly object: KubeObject & {
    items?: KubeObject[];
    reason?: string;
    message?: string;
    details?: JsonObject;
    rows?: JsonObject[];
  };
}

export interface Event {
  readonly type: string;
  readonly object: KubeObject & { code?: number };
}

const decoder = new TextDecoder();

async function text(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<string> {
  if (body instanceof Uint8Array) return decoder.decode(body);
  let all = "";
  for await (const chunk of body) all += decoder.decode(chunk, { stream: true });
  return all;
}

const noLogs: PodLogs = async function* () {};

/** An API server in memory, on a clock that stands still, with the calls that tests make. */
export class KubeFixture {
  readonly clock = new VirtualClock();
  readonly store: Store;
  readonly server: ApiServer;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: Partial<StoreOptions> & { podLogs?: PodLogs } = {}) {
    this.store = openStore({ path: ":memory:", ...options });
    const random = seededRandom(1);
    this.server = new ApiServer({
      store: this.store,
      clock: this.clock,
      random,
      log: silentLogger,
      podLogs: options.podLogs ?? noLogs,
    });
  }

  async call(method: string, path: string, body?: Json, headers: Record<string, string> = {}): Promise<Answer> {
    const bytes = body === undefined ? {} : { body: new TextEncoder().encode(JSON.stringify(body)) };
    const answer = await this.server.handle({ method, path, headers, ...bytes });
    const raw = await text(answer.body);
    const object = raw.startsWith("{")
      ? (JSON.parse(raw) as Answer["object"])
      : { apiVersion: "", kind: raw, metadata: {} };
    return { status: answer.status, headers: answer.headers, object };
  }

  patch(path: string, body: Json, kind: "merge" | "json" | "strategic-merge" = "merge"): Promise<Answer> {
    return this.call("PATCH", path, body, { "content-type": `application/${kind}-patch+json` });
  }

  /** Events one by one; the watch ends with the loop or with `signal`. */
  async *watch(path: string, signal: AbortSignal, accept = "application/json"): AsyncGenerator<Event> {
    const answer = await this.server.handle({ method: "GET", path, headers: { accept }, signal });
    if (answer.body instanceof Uint8Array) throw new Error(decoder.decode(answer.body));
    for await (const chunk of answer.body) {
      for (const line of decoder.decode(chunk).split("\n")) if (line !== "") yield JSON.parse(line) as Event;
    }
  }

  /** Starts garbage collection and the like. */
  run(): void {
    this.#running = this.server.run(this.#stop.signal);
  }

  /** Resolves when `path` answers 404; each turn lets the collector work. */
  async untilGone(path: string): Promise<void> {
    for (let turn = 0; turn < 1000; turn++) {
      if ((await this.call("GET", path)).status === 404) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error(`${path} is still there`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.store.close();
  }
}

export function podBody(name: string, more: JsonObject = {}, meta: JsonObject = {}): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...meta },
    spec: { containers: [{ name: "main", image: "busybox:1" }], ...more },
  };
}

export function widgetCrd(scope: "Namespaced" | "Cluster" = "Namespaced"): JsonObject {
  const spec = {
    type: "object",
    required: ["size"],
    properties: {
      size: { type: "integer", minimum: 1, maximum: 9 },
      color: { type: "string", enum: ["red", "green"], default: "red" },
      code: { type: "string", maxLength: 4, pattern: "^[a-z]+$" },
      free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    },
  };
  const status = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.example.dev" },
    spec: {
      group: "example.dev",
      scope,
      names: { plural: "widgets", kind: "Widget", shortNames: ["wd"] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            { name: "Size", type: "integer", jsonPath: ".spec.size" },
            { name: "Phase", type: "string", jsonPath: '.status.conditions[?(@.type=="Progressing")].reason' },
          ],
          schema: { openAPIV3Schema: { type: "object", required: ["spec"], properties: { spec, status } } },
        },
      ],
    },
  };
}

export function widget(name: string, spec: JsonObject = { size: 3 }, meta: JsonObject = {}): JsonObject {
  return { apiVersion: "example.dev/v1", kind: "Widget", metadata: { name, ...meta }, spec };
}
