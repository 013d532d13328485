import { readFileSync, statSync } from "node:fs";
import { getCACertificates } from "node:tls";
import { type Clock, messageOf } from "@homeplane/runtime-kit";
import { ObjectStoreError } from "../error.ts";

/** How often the file is looked at; a renewed CA is to be known long before the old one has ended. */
const LOOK_EVERY_MS = 5_000;

/** What Node trusts by itself (its own roots, `NODE_EXTRA_CA_CERTS`), and a CA file that is read again when it has changed. */
export class Trust {
  readonly #caFile: string | undefined;
  readonly #clock: Pick<Clock, "now">;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #stamp = "";
  #ca: readonly string[] | undefined;

  constructor(caFile: string | undefined, clock: Pick<Clock, "now">) {
    this.#caFile = caFile;
    this.#clock = clock;
  }

  /** The same array as long as nothing has changed; undefined = Node's default. */
  current(): readonly string[] | undefined {
    if (this.#caFile === undefined) return undefined;
    const now = this.#clock.now();
    if (now - this.#lookedAt < LOOK_EVERY_MS && now >= this.#lookedAt) return this.#ca;
    this.#lookedAt = now;
    try {
      const { mtimeMs, size, ino } = statSync(this.#caFile);
      const stamp = `${mtimeMs}/${size}/${ino}`;
      if (stamp !== this.#stamp) {
        this.#ca = [...getCACertificates("default"), readFileSync(this.#caFile, "utf8")];
        this.#stamp = stamp;
      }
    } catch (error) {
      // A file that is being replaced may be away for a moment; what was trusted is trusted on.
      if (this.#ca !== undefined) return this.#ca;
      this.#lookedAt = Number.NEGATIVE_INFINITY;
      throw new ObjectStoreError("Untrusted", `the store's CA file can not be read: ${messageOf(error)}`, {
        cause: error,
      });
    }
    return this.#ca;
  }
}
