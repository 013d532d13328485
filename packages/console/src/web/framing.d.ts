export interface Envelope {
  readonly end: boolean;
  /** A view that is valid until the next envelope is asked for. */
  readonly payload: Uint8Array;
}

export const endFlag: number;
export const maxMessageBytes: number;
export function encodeEnvelope(flags: number, payload: Uint8Array): Uint8Array<ArrayBuffer>;
/** However the bytes are cut into chunks. Throws when they end within an envelope. */
export function readEnvelopes(body: AsyncIterable<Uint8Array>): AsyncGenerator<Envelope, void>;
