export interface TransportRequest {
  readonly method: string;
  /** Absolute path with query. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array;
  /** Aborting ends the request and, later, the reading of its body. */
  readonly signal?: AbortSignal;
}

export interface TransportResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Record<string, string>;
  /** Must be read to its end, returned from early, or aborted: else its connection stays taken. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Carries one HTTP request to the API server: real or embedded. Rejects when there is no answer; with a
 * {@link NotSentError} when the server certainly has not seen the request, so that even a create may be sent again.
 */
export interface Transport {
  request(request: TransportRequest): Promise<TransportResponse>;
  close(): Promise<void>;
}

/** The request never left: no connection, or no credentials. */
export class NotSentError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "NotSentError";
  }
}
