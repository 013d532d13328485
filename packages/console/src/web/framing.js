/**
 * Messages of a Connect stream: one flag byte, the length as 4 bytes big-endian, then that many bytes.
 * https://connectrpc.com/docs/protocol/#streaming-rpcs
 */

/** Set on the last envelope: its payload holds the error, if any, and trailing metadata. */
export const endFlag = 2;
const compressedFlag = 1;
/** A message larger than this is refused: one of the server's is at most 500 actions or a batch of log lines. */
export const maxMessageBytes = 32 * 1024 * 1024;

/** @type {typeof import("./framing.js").encodeEnvelope} */
export function encodeEnvelope(flags, payload) {
  const envelope = new Uint8Array(5 + payload.length);
  envelope[0] = flags;
  new DataView(envelope.buffer).setUint32(1, payload.length);
  envelope.set(payload, 5);
  return envelope;
}

/** @type {typeof import("./framing.js").readEnvelopes} */
export async function* readEnvelopes(body) {
  /** Chunks of the envelope that is arriving; joined once, when it is whole. @type {Uint8Array[]} */
  let chunks = [];
  let have = 0;
  let need = 5;
  for await (let chunk of body) {
    chunks.push(chunk);
    have += chunk.length;
    while (have >= need) {
      const buffer = chunks.length === 1 ? chunk : join(chunks, have);
      const length = new DataView(buffer.buffer, buffer.byteOffset).getUint32(1);
      if (length > maxMessageBytes) throw new Error(`a message of ${length} bytes is larger than this page takes`);
      chunk = buffer;
      chunks = [buffer];
      need = 5 + length;
      if (have < need) break;
      const flags = buffer[0] ?? 0;
      if (flags & compressedFlag) throw new Error("the answer is compressed, which was not asked for");
      yield { end: (flags & endFlag) !== 0, payload: buffer.subarray(5, need) };
      chunk = buffer.subarray(need);
      have = chunk.length;
      chunks = have === 0 ? [] : [chunk];
      need = 5;
    }
  }
  if (have > 0) throw new Error("the connection ended in the middle of a message");
}

/** @param {readonly Uint8Array[]} chunks @param {number} length */
function join(chunks, length) {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
