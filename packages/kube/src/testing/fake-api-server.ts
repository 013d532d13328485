/**
 * A small API server in process: one collection per path, HTTP semantics through the Transport interface, and faults on demand.
 * Kubernetes documentation, "API Concepts": list with limit and continue, watch with bookmarks, 409, 410, Status bodies.
 */
import { type Clock, type Random, sleep } from "@homeplane/runtime-kit";
import { type KubeObject, keyOf } from "../meta.ts";
import { NotSentError, type Transport, type TransportRequest, type TransportResponse } from "../transport.ts";
import { ByteChannel } from "./byte-channel.ts";
import { FakeHistory, type Revision } from "./fake-history.ts";

/** What the next request meets instead of an answer; "lost": done, but the answer is lost. */
export type Fault = "refused" | "reset" | "lost" | "hang" | 429 | 500 | 503 | 410;

interface Stream {
  readonly channel: ByteChannel;
  silent: boolean;
  /** When the event before arrives. */
  arrivesAt: number;
}

/** A server may send less than was asked for. */
const MAX_PAGE = 3;

const BOOKMARK_MS = 60_000;

export class FakeApiServer implements Transport {
  readonly history = new FakeHistory();
  readonly requests: { method: string; path: string; body: string }[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  /** Each answer takes up to this long, and each event up to this long to arrive; both keep their order. */
  latencyMs = 0;
  readonly #streams = new Set<Stream>();
  readonly #faults: Fault[] = [];
  #lose = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get openStreams(): number {
    return [...this.#streams].filter((stream) => stream.channel.open).length;
  }

  heal(): void {
    this.#faults.length = 0;
  }

  objects(): Map<string, KubeObject> {
    return this.history.at(this.history.version);
  }

  put(object: KubeObject): void {
    this.#publish(this.history.put(keyOf(object.metadata), object));
  }

  remove(key: string): void {
    const revision = this.history.remove(key);
    if (revision !== undefined) this.#publish(revision);
  }

  failNext(...faults: Fault[]): void {
    this.#faults.push(...faults);
  }

  /** The next events reach no open watch. */
  loseNext(count: number): void {
    this.#lose += count;
  }

  /** Open watches hear the last event again. */
  repeatLast(): void {
    const { last } = this.history;
    if (last !== undefined) this.#publish(last);
  }

  endStreams(how: "end" | "reset" | "silent" | "truncate"): void {
    for (const stream of this.#streams) {
      if (how === "end") stream.channel.end();
      else if (how === "reset") stream.channel.fail(new Error("socket hang up"));
      else if (how === "silent") stream.silent = true;
      else {
        stream.channel.write(Buffer.from('{"type":"ADDED","object":{"metad'));
        stream.channel.end();
      }
      if (how !== "silent") this.#streams.delete(stream);
    }
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const body = request.body === undefined ? "" : Buffer.from(request.body).toString();
    this.requests.push({ method: request.method, path: request.path, body });
    const fault = this.#faults.shift();
    if (fault === "refused") throw new NotSentError("connect ECONNREFUSED");
    if (fault === "reset") throw new Error("read ECONNRESET");
    if (fault === "hang") return await new Promise(() => undefined);
    if (typeof fault === "number") return status(fault, fault === 429 ? { "retry-after": "1" } : {});
    await this.#delay();
    const answer = this.#answer(request, body);
    await this.#delay();
    if (fault === "lost") throw new Error("read ECONNRESET");
    return answer;
  }

  close(): Promise<void> {
    this.endStreams("end");
    return Promise.resolve();
  }

  async #delay(): Promise<void> {
    if (this.latencyMs > 0) await sleep(this.#clock, this.#random() * this.latencyMs);
  }

  #answer(request: TransportRequest, body: string): TransportResponse {
    const url = new URL(request.path, "http://server");
    const [, namespace, name] = /\/namespaces\/([^/]+)\/[^/]+(?:\/([^/]+))?/.exec(url.pathname) ?? [];
    const key = name === undefined ? undefined : keyOf({ ...(namespace ? { namespace } : {}), name });
    if (request.method !== "GET") return this.#write(request.method, key, body);
    if (key !== undefined) {
      const object = this.objects().get(key);
      return object === undefined ? status(404) : json(200, object);
    }
    return url.searchParams.get("watch") === "true" ? this.#watch(url, request.signal) : this.#list(url);
  }

  #write(method: string, key: string | undefined, body: string): TransportResponse {
    const sent = (body === "" ? {} : JSON.parse(body)) as KubeObject;
    const id = key ?? keyOf(sent.metadata);
    const before = this.objects().get(id);
    if (method === "POST" && before !== undefined) return status(409, {}, "AlreadyExists");
    if (method !== "POST" && before === undefined) return status(404);
    if (method === "DELETE") {
      this.remove(id);
      return json(200, { kind: "Status", status: "Success" });
    }
    const expected = sent.metadata.resourceVersion;
    if (method === "PUT" && expected !== undefined && expected !== before?.metadata.resourceVersion) return status(409);
    this.put(sent);
    return json(method === "POST" ? 201 : 200, this.objects().get(id));
  }

  #list(url: URL): TransportResponse {
    const token = url.searchParams.get("continue");
    const from = token === null ? undefined : (JSON.parse(atob(token)) as { version: number; after: string });
    const version = from?.version ?? this.history.version;
    if (version < this.history.floor) return status(410, {}, "Expired");
    const all = [...this.history.at(version)].filter(([key]) => from === undefined || key > from.after);
    const page = all.slice(0, Math.min(Number(url.searchParams.get("limit")), MAX_PAGE));
    const last = page.at(-1)?.[0];
    const more = page.length < all.length ? { continue: btoa(JSON.stringify({ version, after: last })) } : {};
    // Items of a list come without kind and apiVersion.
    const items = page.map(([, { metadata, kind: _kind, apiVersion: _version, ...rest }]) => ({ metadata, ...rest }));
    return json(200, {
      kind: "PodList",
      apiVersion: "v1",
      metadata: { resourceVersion: String(version), ...more },
      items,
    });
  }

  #watch(url: URL, signal: AbortSignal | undefined): TransportResponse {
    const from = Number(url.searchParams.get("resourceVersion"));
    const channel = new ByteChannel(signal);
    if (from < this.history.floor) {
      if (this.#random() < 0.5) return status(410, {}, "Expired");
      const object = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };
      channel.write(Buffer.from(`${JSON.stringify({ type: "ERROR", object })}\n`));
      channel.end();
      return { status: 200, headers: {}, body: channel };
    }
    if (from > this.history.version) {
      return status(504, {}, "Timeout", { causes: [{ reason: "ResourceVersionTooLarge" }], retryAfterSeconds: 1 });
    }
    const stream: Stream = { channel, silent: false, arrivesAt: 0 };
    this.#streams.add(stream);
    for (const revision of this.history.after(from)) this.#send(stream, revision);
    const bookmark = (): void => {
      if (!channel.open) return;
      if (!stream.silent) this.#bookmark(stream);
      this.#clock.after(BOOKMARK_MS, bookmark);
    };
    this.#clock.after(BOOKMARK_MS, bookmark);
    this.#clock.after(Number(url.searchParams.get("timeoutSeconds")) * 1000, () => {
      if (!stream.silent) channel.end();
    });
    return { status: 200, headers: { "content-type": "application/json" }, body: channel };
  }

  #publish(revision: Revision): void {
    const lost = this.#lose > 0;
    if (lost) this.#lose--;
    for (const stream of this.#streams) {
      if (!stream.channel.open) this.#streams.delete(stream);
      else if (!lost) this.#send(stream, revision);
    }
  }

  #send(stream: Stream, { type, object }: Revision): void {
    if (!stream.silent) this.#writeCut(stream, `${JSON.stringify({ type, object })}\n`);
  }

  #arrive(stream: Stream, run: () => void): void {
    if (this.latencyMs === 0 && stream.arrivesAt <= this.#clock.now()) return run();
    stream.arrivesAt = Math.max(stream.arrivesAt, this.#clock.now() + this.#random() * this.latencyMs);
    this.#clock.after(stream.arrivesAt - this.#clock.now(), run);
  }

  #bookmark(stream: Stream): void {
    const metadata = { resourceVersion: String(this.history.version) };
    this.#writeCut(
      stream,
      `${JSON.stringify({ type: "BOOKMARK", object: { kind: "Pod", apiVersion: "v1", metadata } })}\n`,
    );
  }

  /** In two pieces, cut anywhere. */
  #writeCut(stream: Stream, line: string): void {
    const bytes = Buffer.from(line);
    const cut = Math.floor(this.#random() * bytes.length);
    this.#arrive(stream, () => stream.channel.write(bytes.subarray(0, cut)));
    this.#arrive(stream, () => stream.channel.write(bytes.subarray(cut)));
  }
}

const REASONS: Readonly<Record<number, string>> = {
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  429: "TooManyRequests",
};

function status(code: number, headers: Record<string, string> = {}, reason = REASONS[code], details?: unknown) {
  return json(code, { kind: "Status", status: "Failure", code, reason, message: `fake ${code}`, details }, headers);
}

export function json(code: number, value: unknown, headers: Record<string, string> = {}): TransportResponse {
  const channel = new ByteChannel(undefined);
  channel.write(Buffer.from(JSON.stringify(value)));
  channel.end();
  return { status: code, headers, body: channel };
}
