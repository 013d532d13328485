/** Connections to the other components and to the control plane: TLS, who we are with each call, and one line in the log when one is lost or found again. */
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import {
  type GrpcChannel,
  type Logger,
  messageOf,
  openGrpcChannel,
  systemClock as clock,
  watchedFile,
} from "@homeplane/runtime-kit";
import type { DataPlaneConfig } from "./config.ts";
import type { Check } from "./probes.ts";

export interface Channel {
  readonly transport: Transport;
  /** Tells whether the other end answers; it never makes us unready, as work goes on without it. */
  readonly check: Check;
  close(): void;
}

/** To a component of the data plane, as this component's ServiceAccount. */
export function openServiceChannel(config: DataPlaneConfig, peer: string, url: string, log: Logger): Channel {
  const { tls, identity } = config;
  const token = readToken(identity.tokenFile, "the token of our ServiceAccount", log);
  return open({
    peer,
    url,
    caFile: tls.caFile,
    log,
    headers: async () => ({ authorization: `Bearer ${await token()}` }),
  });
}

/** To the control plane, as this cluster: orchestration, and the services of its clients. */
export function openControlPlaneChannel({ cluster, controlPlane }: DataPlaneConfig, log: Logger): Channel {
  const { url, tokenFile, caFile } = controlPlane;
  const token = readToken(tokenFile, "this cluster's token for the control plane", log);
  const headers = async (): Promise<Record<string, string>> => ({
    authorization: `Bearer ${await token()}`,
    "x-homeplane-cluster": cluster,
  });
  return open({ peer: "control plane", url, caFile, log, headers });
}

function readToken(path: string, what: string, log: Logger): () => Promise<string> {
  const parse = (text: string): string => {
    const token = text.trim();
    if (token === "") throw new Error("it is empty");
    return token;
  };
  return watchedFile({ path, what, parse, clock, log });
}

interface OpenOptions {
  readonly peer: string;
  readonly url: string;
  readonly caFile: string | undefined;
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly log: Logger;
}

function open({ peer, url, caFile, headers, log }: OpenOptions): Channel {
  const readCa =
    caFile === undefined
      ? async () => undefined
      : watchedFile({ path: caFile, what: `the CA of the ${peer}`, parse: (text) => text, clock, log });
  const common = { url, peer: `the ${peer}`, ca: readCa, headers, clock, random: Math.random };
  const channel: GrpcChannel = openGrpcChannel(common);
  let lost: { readonly since: number; readonly code: Code; readonly problem: string } | undefined;
  const note = (error: unknown): void => {
    const found = outage(error);
    if (found === undefined) {
      if (lost !== undefined) log.info({ event: "channel.back", peer, url, afterMs: clock.now() - lost.since });
      lost = undefined;
      return;
    }
    // Once: each call meets it again, in words that change.
    if (lost?.code !== found.code) log.warn({ event: "channel.lost", peer, url, problem: found.problem });
    lost = { since: lost?.since ?? clock.now(), ...found };
  };
  return {
    transport: noted(channel.transport, note),
    check: { name: peer, informs: true, problem: () => lost?.problem },
    close: () => channel.close(),
  };
}

/** What keeps the other end from answering us at all. */
function outage(error: unknown): { code: Code; problem: string } | undefined {
  if (error === undefined) return undefined;
  if (!(error instanceof ConnectError)) return { code: Code.Internal, problem: messageOf(error) };
  const { code, rawMessage: problem } = error;
  return code === Code.Unavailable || code === Code.Unauthenticated ? { code, problem } : undefined;
}

function noted(inner: Transport, note: (error: unknown) => void): Transport {
  const failed = (error: unknown, signal: AbortSignal | undefined): never => {
    if (signal?.aborted !== true) note(error);
    throw error;
  };
  return {
    async unary(method, signal, ...rest) {
      const answer = await inner.unary(method, signal, ...rest).catch((error: unknown) => failed(error, signal));
      note(undefined);
      return answer;
    },
    async stream(method, signal, ...rest) {
      const answer = await inner.stream(method, signal, ...rest).catch((error: unknown) => failed(error, signal));
      note(undefined);
      return { ...answer, message: watched(answer.message, (error) => failed(error, signal)) };
    },
  };
}

async function* watched<T>(messages: AsyncIterable<T>, failed: (error: unknown) => never): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    failed(error);
  }
}
