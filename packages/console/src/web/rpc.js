/**
 * The Connect protocol over fetch, with JSON (https://connectrpc.com/docs/protocol): as much as this page needs, which is unary calls and
 * server streams. Failures are RpcError with one of the protocol's codes ("not_found", "unavailable", ...).
 */
import { encodeEnvelope, readEnvelopes } from "./framing.js";

const unaryTimeoutMs = 15_000;
/** Of a unary answer. */
const maxAnswerBytes = 8 * 1024 * 1024;

export class RpcError extends Error {
  /** @param {string} code @param {string} message @param {unknown} [cause] */
  constructor(code, message, cause) {
    super(message, { cause });
    this.name = "RpcError";
    this.code = code;
  }
}

/**
 * @template T
 * @param {string} method `package.Service/Method`
 * @param {object} request
 * @param {AbortSignal} signal
 * @param {number} [maxBytes]
 * @returns {Promise<T>}
 */
export async function unary(method, request, signal, maxBytes = maxAnswerBytes) {
  const either = AbortSignal.any([signal, AbortSignal.timeout(unaryTimeoutMs)]);
  const response = await send(method, "application/json", JSON.stringify(request), either);
  const bytes = await readAll(response, maxBytes, method);
  if (!response.ok) throw errorOf(parseError(bytes), response.status);
  return /** @type {T} */ (parse(bytes));
}

/**
 * Yields the messages; returns when the server closes without an error.
 * @template T
 * @param {string} method @param {object} request @param {AbortSignal} signal
 * @returns {AsyncGenerator<T, void>}
 */
export async function* serverStream(method, request, signal) {
  const body = encodeEnvelope(0, new TextEncoder().encode(JSON.stringify(request)));
  const response = await send(method, "application/connect+json", body, signal);
  if (!response.ok || response.body === null)
    throw errorOf(parseError(await readAll(response, maxAnswerBytes, method)), response.status);
  try {
    for await (const { end, payload } of readEnvelopes(chunksOf(response.body))) {
      const message = parse(payload);
      if (!end) {
        yield/** @type {T} */ (message);
        continue;
      }
      if (message.error) throw errorOf(message.error, response.status);
      return;
    }
  } catch (error) {
    throw toRpcError(error, method);
  }
  throw new RpcError("unavailable", `${method}: the connection was lost`);
}

/** @param {string} method @param {string} contentType @param {BodyInit} body @param {AbortSignal} signal */
async function send(method, contentType, body, signal) {
  const headers = { "content-type": contentType, "connect-protocol-version": "1" };
  try {
    return await fetch(`/${method}`, { method: "POST", headers, body, signal, cache: "no-store", redirect: "error" });
  } catch (error) {
    throw toRpcError(error, method);
  }
}

/** Not every browser iterates a ReadableStream itself. @param {ReadableStream<Uint8Array>} stream */
async function* chunksOf(stream) {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Frees the connection when the consumer stops early; on a stream that failed there is nothing left to cancel.
    reader.cancel().catch(() => undefined);
  }
}

/** @param {Response} response @param {number} maxBytes @param {string} method */
async function readAll(response, maxBytes, method) {
  /** @type {Uint8Array[]} */
  const parts = [];
  let size = 0;
  try {
    for await (const part of response.body === null ? [] : chunksOf(response.body)) {
      size += part.length;
      if (size > maxBytes) throw new RpcError("resource_exhausted", `the answer is larger than ${maxBytes} bytes`);
      parts.push(part);
    }
  } catch (error) {
    throw toRpcError(error, method);
  }
  return new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (parts)).arrayBuffer());
}

/** @param {Uint8Array} bytes @returns {any} */
function parse(bytes) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new RpcError(
      "internal",
      "the answer is no JSON: does something stand between this page and the server?",
      error,
    );
  }
}

/** An error's body; what is no JSON (a proxy's page) says nothing. @param {Uint8Array} bytes @returns {any} */
function parseError(bytes) {
  try {
    return parse(bytes);
  } catch {
    return {};
  }
}

/** @param {{code?: string, message?: string}} error @param {number} status */
function errorOf(error, status) {
  const code = error.code ?? (status === 404 ? "unimplemented" : status === 401 ? "unauthenticated" : "unavailable");
  return new RpcError(code, error.message || `the server answered with status ${status}`);
}

/** @param {unknown} error @param {string} method */
function toRpcError(error, method) {
  if (error instanceof RpcError) return error;
  const name = error instanceof Error ? error.name : "";
  if (name === "AbortError") return new RpcError("canceled", `${method}: cancelled`, error);
  if (name === "TimeoutError") return new RpcError("deadline_exceeded", `${method}: no answer in time`, error);
  return new RpcError("unavailable", "the control plane does not answer: is it running? (`homeplane up`)", error);
}
