import { timingSafeEqual } from "node:crypto";

/** In time that does not depend on where the two differ. */
export function equalSecrets(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.byteLength === y.byteLength && timingSafeEqual(x, y);
}
