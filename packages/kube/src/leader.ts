/**
 * Leader election over a Lease. Invariant: a leader that could not renew for `renewDeadlineMs` is told to stop, and has until
 * `leaseDurationMs` after its last renewal was *sent* to have stopped; only then may another lead. Writes that must never come
 * from two leaders still carry a resourceVersion: a process that stalls knows nothing of time.
 */
import { type Clock, type Logger, messageOf, type Random, pause } from "@homeplane/runtime-kit";
import { deadline, linkedAbort } from "./abort.ts";
import type { KubeClient } from "./client.ts";
import { KubeError } from "./kube-error.ts";
import { LeaseHold, type LeaseName } from "./lease-hold.ts";

export interface LeaderOptions {
  readonly client: KubeClient;
  readonly lease: LeaseName;
  /** Unique to the process: the pod's name and uid, say. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Default 15 s. */
  readonly leaseDurationMs?: number;
  /** Default 10 s; less than `leaseDurationMs` by the time that `run` needs to stop. */
  readonly renewDeadlineMs?: number;
  /** Between renewals, and between tries of those who wait; default 3 s, shortened by up to a fifth. */
  readonly retryMs?: number;
}

const LEASE_DURATION_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_MS = 3_000;
const RELEASE_MS = 5_000;

/**
 * Waits for the lease, then calls `run`, whose signal aborts when leadership is lost or `signal` aborts; after a loss waits for
 * the lease again. Ends when `signal` aborts, or as `run` ends while it leads. Always waits for `run`, then releases the lease.
 */
export async function runAsLeader(options: LeaderOptions, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const { clock, log, signal, lease, identity } = options;
  const durationMs = options.leaseDurationMs ?? LEASE_DURATION_MS;
  const hold = new LeaseHold({ ...options, durationMs });
  while (!signal.aborted) {
    const sentAt = clock.now();
    const taken = await attempt(options, hold, durationMs);
    if (!taken) {
      await waitToRetry(options, signal);
      continue;
    }
    log.info({ event: "leader.elected", lease: lease.name, identity });
    const end = await lead(options, hold, sentAt, run);
    await release(options, hold);
    if (end.kind === "failed") throw end.error;
    if (end.kind === "ended") return;
    log.warn({ event: "leader.lost", lease: lease.name, identity });
  }
}

type End = { readonly kind: "ended" | "lost" } | { readonly kind: "failed"; readonly error: unknown };

async function lead(
  options: LeaderOptions,
  hold: LeaseHold,
  sentAt: number,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<End> {
  const { clock, signal } = options;
  const renewDeadlineMs = options.renewDeadlineMs ?? RENEW_DEADLINE_MS;
  const leading = linkedAbort(signal);
  const renewing = linkedAbort(leading.signal);
  let lost = false;
  const running = settled(() => run(leading.signal)).finally(() =>
    renewing.abort(new DOMException("done", "AbortError")),
  );
  let renewedAt = sentAt;
  while (!renewing.signal.aborted) {
    await waitToRetry(options, renewing.signal, renewedAt + renewDeadlineMs - clock.now());
    if (renewing.signal.aborted) break;
    const startedAt = clock.now();
    const left = renewedAt + renewDeadlineMs - startedAt;
    if (left > 0 && (await attempt({ ...options, signal: renewing.signal }, hold, left))) renewedAt = startedAt;
    else if (clock.now() >= renewedAt + renewDeadlineMs) {
      lost = true;
      leading.abort(new Error("leadership was lost: the lease could not be renewed in time"));
    }
  }
  const error = await running;
  leading.dispose();
  renewing.dispose();
  if (lost) return { kind: "lost" };
  return error === undefined || signal.aborted ? { kind: "ended" } : { kind: "failed", error: error.thrown };
}

/** One try to hold the lease, of at most `ms`; false also when the server gives no answer. */
async function attempt(options: LeaderOptions, hold: LeaseHold, ms: number): Promise<boolean> {
  const { clock, log, signal } = options;
  const limit = deadline(signal, clock, ms, () => late(ms));
  try {
    const held = await hold.hold(limit.signal);
    hold.told = undefined;
    return held;
  } catch (error) {
    if (signal.aborted) return false;
    const line = { event: "leader.try_failed", lease: options.lease.name, error: messageOf(error) };
    // Tried every few seconds: an outage is told once.
    if (hold.told === line.error) log.debug(line);
    else log.warn(line);
    hold.told = line.error;
    return false;
  } finally {
    limit.dispose();
  }
}

/** The lease is let go even when everything stops: the next leader need not wait for its end. */
async function release({ clock, log, lease }: LeaderOptions, hold: LeaseHold): Promise<void> {
  const limit = deadline(undefined, clock, RELEASE_MS, () => late(RELEASE_MS));
  try {
    await hold.release(limit.signal);
  } catch (error) {
    log.warn({ event: "leader.release_failed", lease: lease.name, error: messageOf(error) });
  } finally {
    limit.dispose();
  }
}

async function waitToRetry(
  { clock, random, retryMs = RETRY_MS }: LeaderOptions,
  signal: AbortSignal,
  atMost = Infinity,
): Promise<void> {
  await pause(clock, Math.max(0, Math.min(atMost, retryMs * (1 - random() / 5))), signal);
}

async function settled(run: () => Promise<void>): Promise<{ thrown: unknown } | undefined> {
  try {
    await run();
    return undefined;
  } catch (thrown) {
    return { thrown };
  }
}

const late = (ms: number): KubeError =>
  new KubeError({ status: 0, reason: "Timeout", message: `the lease could not be had within ${ms / 1000} s` });
