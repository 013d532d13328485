import type { Clock, Logger, Random } from "@homeplane/runtime-kit";

/** A component of the data plane that serves one of the tunnel's services. */
export interface Upstream {
  /** `https://host:port` */
  readonly url: string;
  /** What it is checked against, PEM; asked for each new connection. */
  readonly ca: () => Promise<string | undefined>;
  /** Our own identity, sent with each call; absent where none is asked for. */
  readonly token?: () => Promise<string>;
}

export interface TunnelServiceOptions {
  readonly cluster: string;
  readonly controlPlane: {
    readonly url: string;
    /** PEM; without it the public roots. Asked for each new connection. */
    readonly ca: () => Promise<string | undefined>;
    /** This cluster's credential. Asked for each new connection. */
    readonly token: () => Promise<string>;
  };
  /** By the full name of the service. */
  readonly services: ReadonlyMap<string, Upstream>;
  /** Services that are known and not there: what callers are told. */
  readonly absent: ReadonlyMap<string, string>;
  readonly connections?: number;
  readonly drainMs?: number;
  readonly pingMs?: number;
  readonly deadMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}
