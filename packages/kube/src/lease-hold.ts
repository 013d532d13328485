import type { Clock } from "@homeplane/runtime-kit";
import type { KubeClient } from "./client.ts";
import { isAlreadyExists, isConflict, isNotFound } from "./kube-error.ts";
import { leases } from "./resource-types.ts";
import type { Lease } from "./types/lease.ts";

export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

/**
 * One candidate's view of a Lease. Another holder's lease counts as ended when it has not changed for its duration *on our own
 * clock* since we first saw it so: the clocks of two machines are never compared (client-go `leaderelection`).
 */
export class LeaseHold {
  readonly #client: KubeClient;
  readonly #lease: LeaseName;
  readonly #identity: string;
  readonly #clock: Clock;
  readonly #durationMs: number;
  /** What the log has of the tries that failed since the last that did not. */
  told: string | undefined;
  #current: Lease | undefined;
  #seen: { version: string | undefined; at: number } | undefined;

  constructor(options: { client: KubeClient; lease: LeaseName; identity: string; clock: Clock; durationMs: number }) {
    this.#client = options.client;
    this.#lease = options.lease;
    this.#identity = options.identity;
    this.#clock = options.clock;
    this.#durationMs = options.durationMs;
  }

  /** Takes or renews the lease. False when another holds it or was faster. Rejects when the server does not answer. */
  async hold(signal: AbortSignal): Promise<boolean> {
    const known = this.#current;
    // Forgotten until the server has confirmed: after an unknown outcome the truth has to be read.
    this.#current = undefined;
    try {
      const lease = known ?? (await this.#client.get(leases, this.#lease, { signal }));
      if (!this.#mayTake(lease)) return false;
      this.#current = await this.#client.update(leases, this.#held(lease), { signal });
      return true;
    } catch (error) {
      if (isNotFound(error)) return await this.#create(signal);
      if (isConflict(error)) return false;
      throw error;
    }
  }

  /** Lets the next holder in at once. */
  async release(signal: AbortSignal): Promise<void> {
    const lease = this.#current;
    if (lease === undefined) return;
    this.#current = undefined;
    await this.#client.update(leases, { ...lease, spec: { ...lease.spec, holderIdentity: "" } }, { signal });
  }

  #mayTake({ metadata, spec }: Lease): boolean {
    const holder = spec?.holderIdentity ?? "";
    if (holder === "" || holder === this.#identity) return true;
    const version = metadata.resourceVersion;
    if (this.#seen === undefined || this.#seen.version !== version) this.#seen = { version, at: this.#clock.now() };
    const theirs = spec?.leaseDurationSeconds;
    return this.#clock.now() >= this.#seen.at + (theirs ? theirs * 1000 : this.#durationMs);
  }

  #held(lease: Lease): Lease {
    const { spec } = lease;
    const now = microTime(this.#clock.now());
    const ours = spec?.holderIdentity === this.#identity;
    return {
      ...lease,
      spec: {
        ...spec,
        holderIdentity: this.#identity,
        leaseDurationSeconds: Math.ceil(this.#durationMs / 1000),
        renewTime: now,
        acquireTime: ours ? (spec?.acquireTime ?? now) : now,
        leaseTransitions: (spec?.leaseTransitions ?? 0) + (ours ? 0 : 1),
      },
    };
  }

  async #create(signal: AbortSignal): Promise<boolean> {
    const empty: Lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { ...this.#lease } };
    try {
      this.#current = await this.#client.create(leases, this.#held(empty), { signal });
      return true;
    } catch (error) {
      if (isAlreadyExists(error)) return false;
      throw error;
    }
  }
}

/** `MicroTime` of the API: RFC 3339 with six digits. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
