/** An outage of all connections is told when it begins, now and then while it lasts, and when it is over: not at each try of each of them. */
import type { TunnelServiceOptions } from "./options.ts";

/** While it lasts. */
const remindMs = 5 * 60_000;

export interface Try {
  readonly failures: number;
  /** Until the next one, in milliseconds. */
  readonly delay: number;
  readonly error: string | undefined;
}

export class Outage {
  readonly #options: Pick<TunnelServiceOptions, "clock" | "log" | "cluster">;
  #since: number | undefined;
  #toldAt = 0;

  constructor(options: Pick<TunnelServiceOptions, "clock" | "log" | "cluster">) {
    this.#options = options;
  }

  failed(tried: Try): void {
    const { clock, log, cluster } = this.#options;
    const now = clock.now();
    const isNew = this.#since === undefined;
    this.#since ??= now;
    const line = { event: "tunnel.dial_failed", cluster, awayMs: now - this.#since, ...tried };
    if (!isNew && now - this.#toldAt < remindMs) return log.debug(line);
    this.#toldAt = now;
    log.warn(line);
  }

  over(): void {
    const { clock, log, cluster } = this.#options;
    if (this.#since === undefined) return;
    log.info({ event: "tunnel.back", cluster, awayMs: clock.now() - this.#since });
    this.#since = undefined;
  }
}
