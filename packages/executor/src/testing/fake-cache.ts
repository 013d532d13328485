/** The control plane's cache on virtual time, as far as executors can tell it from the real one. */
import { clone, create } from "@bufbuild/protobuf";
import { durationMs, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  type CachedOutput,
  CachedOutputSchema,
  type Reservation,
  ReservationSchema,
} from "@homeplane/idl/flyteidl2/cacheservice/cacheservice";
import type { CacheService, Identifier } from "@homeplane/idl/flyteidl2/cacheservice/v2/cacheservice";
import type { Clock } from "@homeplane/runtime-kit";

export class FakeCache {
  readonly entries = new Map<string, CachedOutput>();
  readonly reservations = new Map<string, Reservation>();
  /** What this call fails with. */
  readonly failures = new Map<"get" | "put" | "getOrExtendReservation", Code>();
  readonly calls: string[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `call` wraps each effect in what every call of the control plane goes through. */
  service(call: <T>(effect: () => T) => Promise<T>): ServiceImpl<typeof CacheService> {
    const checked = <T>(name: "get" | "put" | "getOrExtendReservation", effect: () => T): Promise<T> =>
      call(() => {
        this.calls.push(name);
        const code = this.failures.get(name);
        if (code !== undefined) throw new ConnectError("told to fail", code);
        return effect();
      });
    return {
      get: ({ identifier, baseRequest }) =>
        checked("get", () => {
          const output = this.entries.get(idOf(identifier, baseRequest?.key));
          if (output === undefined) throw new ConnectError("not cached", Code.NotFound);
          return { output };
        }),
      put: ({ identifier, baseRequest }) =>
        checked("put", () => {
          const output = clone(CachedOutputSchema, baseRequest?.output ?? create(CachedOutputSchema));
          const lastUpdatedAt = timestampFromMs(this.#clock.now());
          if (output.metadata !== undefined) output.metadata.lastUpdatedAt = lastUpdatedAt;
          this.entries.set(idOf(identifier, baseRequest?.key), output);
          return {};
        }),
      delete: () => call(() => ({})),
      getOrExtendReservation: ({ identifier, baseRequest }) =>
        checked("getOrExtendReservation", () => {
          const id = idOf(identifier, baseRequest?.key);
          const held = this.reservations.get(id);
          const isHeld = held?.expiresAt !== undefined && timestampMs(held.expiresAt) > this.#clock.now();
          if (isHeld && held.ownerId !== baseRequest?.ownerId) return { reservation: held };
          const heartbeat = baseRequest?.heartbeatInterval ? durationMs(baseRequest.heartbeatInterval) : 1_000;
          const reservation = create(ReservationSchema, {
            key: baseRequest?.key ?? "",
            ownerId: baseRequest?.ownerId ?? "",
            expiresAt: timestampFromMs(this.#clock.now() + 3 * heartbeat),
          });
          this.reservations.set(id, reservation);
          return { reservation };
        }),
      releaseReservation: ({ identifier, baseRequest }) =>
        call(() => {
          const id = idOf(identifier, baseRequest?.key);
          if (this.reservations.get(id)?.ownerId === baseRequest?.ownerId) this.reservations.delete(id);
          return {};
        }),
    };
  }
}

function idOf(scope: Identifier | undefined, key = ""): string {
  return `${scope?.org}/${scope?.project}/${scope?.domain}/${key}`;
}
