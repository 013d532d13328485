/** A failed call. `code` is one of Connect's: "not_found", "unavailable", ... */
export class RpcError extends Error {
  readonly code: string;
  constructor(code: string, message: string, cause?: unknown);
}

/** `method` is `package.Service/Method`. Fails with "resource_exhausted" when the answer is larger than `maxBytes`. */
export function unary<T>(method: string, request: object, signal: AbortSignal, maxBytes?: number): Promise<T>;
/** Yields the messages; returns when the server closes without an error. */
export function serverStream<T>(method: string, request: object, signal: AbortSignal): AsyncGenerator<T, void>;
