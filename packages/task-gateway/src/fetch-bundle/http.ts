/** Requests with Node's own client; every one has a bound on its silence, and those that may succeed later are tried again. */
import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

/** `again`: the same request may succeed later. */
export class FetchError extends Error {
  readonly kind: "again" | "final";

  constructor(message: string, kind: "again" | "final", options?: { cause?: unknown }) {
    super(message, options);
    this.name = "FetchError";
    this.kind = kind;
  }
}

export interface RequestOptions {
  readonly method: "GET" | "POST";
  readonly ca: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Statuses whose answer the caller reads itself; others than 200 are errors. */
  readonly expect?: (status: number) => boolean;
  readonly signal: AbortSignal;
}

const silenceMs = 30_000;
const maxTries = 8;
const firstWaitMs = 200;
const longestWaitMs = 10_000;
/** Enough of an answer to say what is wrong. */
const maxErrorBytes = 2_000;

/** Resolves when the headers are there. A query holds a signature and is never told. */
export async function open(url: string, options: RequestOptions): Promise<IncomingMessage> {
  const { method, ca, headers = {}, body, signal, expect = (status) => status === 200 } = options;
  const target = new URL(url);
  const shown = `${method} ${target.origin}${target.pathname}`;
  const secure = target.protocol === "https:";
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const settings = { method, headers, signal, timeout: silenceMs, agent: false };
    const call = secure
      ? httpsRequest(target, { ...settings, ...(ca === undefined ? {} : { ca }), minVersion: "TLSv1.2" }, resolve)
      : httpRequest(target, settings, resolve);
    call.on("timeout", () => call.destroy(new Error(`silent for ${silenceMs / 1000} s`)));
    call.on("error", (error) => reject(new FetchError(`${shown}: ${error.message}`, "again", { cause: error })));
    call.end(body);
  });
  const { statusCode = 0 } = response;
  if (expect(statusCode)) return response;
  const said = await text(response).catch(() => "");
  // A signature that has died is made anew at the next try, and so is an answer of a store that is in trouble.
  const kind = statusCode === 403 || statusCode === 408 || statusCode === 429 || statusCode >= 500 ? "again" : "final";
  throw new FetchError(`${shown}: HTTP ${statusCode} ${said.replaceAll(/\s+/g, " ")}`.trim(), kind);
}

export async function text(response: IncomingMessage, maxBytes = maxErrorBytes): Promise<string> {
  let found = "";
  for await (const chunk of response) {
    found += String(chunk);
    if (found.length >= maxBytes) break;
  }
  return found.slice(0, maxBytes);
}

/** Everything that may pass by itself is tried again, a bounded number of times: 8 tries, with at most 23 s of waiting between them. */
export async function withRetries<T>(
  run: () => Promise<T>,
  isFinal: (error: unknown) => boolean,
  signal: AbortSignal,
  pause: (ms: number) => Promise<unknown> = (ms) => sleep(ms, undefined, { signal }),
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (signal.aborted || isFinal(error)) throw error;
      if (tries === maxTries) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new FetchError(`${reason} (given up after ${tries} tries)`, "again", { cause: error });
      }
      const wait = Math.min(longestWaitMs, firstWaitMs * 2 ** (tries - 1));
      await pause(wait * (0.5 + Math.random() / 2));
    }
  }
}
