export function decodeMsgpack(bytes: Uint8Array): unknown;
