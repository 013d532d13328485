import type { Random } from "@homeplane/runtime-kit";

/** As Kubernetes' `rand.String`: no vowels, nothing that looks alike. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX = 5;
const MAX_BASE = 58;

export function generatedName(base: string, random: Random): string {
  let suffix = "";
  for (let n = 0; n < SUFFIX; n++) suffix += ALPHABET[Math.floor(random() * ALPHABET.length)];
  return base.slice(0, MAX_BASE) + suffix;
}

/** A version 4 UUID drawn from the injected random, so that a simulation replays. */
export function newUid(random: Random): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16));
  digits[12] = "4";
  digits[16] = "89ab"[Math.floor(random() * 4)] ?? "8";
  const text = digits.join("");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}

/** RFC 3339. A real API server writes whole seconds; milliseconds parse as well everywhere, and most tasks here last less than a second. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
