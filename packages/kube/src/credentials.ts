import { readFile } from "node:fs/promises";
import { type Clock, messageOf } from "@homeplane/runtime-kit";
import type { ClusterConfig, TokenSource } from "./cluster-config.ts";
import { runExecPlugin } from "./exec-plugin.ts";
import { NotSentError } from "./transport.ts";

export interface Credentials {
  readonly token?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** As client-go: a projected token is replaced long before it ends. */
const TOKEN_FILE_TTL_MS = 60_000;

/** A plug-in's credential is asked for again this long before it ends. */
const EXPIRY_MARGIN_MS = 30_000;

export interface CredentialSource {
  /** Rejects with a NotSentError when there are none to be had. */
  current(): Promise<Credentials>;
  /** The server refused them (401): the next call gets them afresh. */
  invalidate(): void;
}

/** Kept until they end; concurrent calls share one look-up. */
export function credentialsOf(config: ClusterConfig, clock: Clock): CredentialSource {
  const fixed: Credentials = {
    ...(config.certificate === undefined ? {} : { certificate: config.certificate }),
    ...(config.key === undefined ? {} : { key: config.key }),
  };
  let cached: { value: Promise<Credentials>; until: number } | undefined;
  const lookUp = async (source: TokenSource, entry: { until: number }): Promise<Credentials> => {
    const { expiresAt, ...found } = await obtain(source);
    const known = source.kind === "file" ? clock.now() + TOKEN_FILE_TTL_MS : (expiresAt ?? Infinity) - EXPIRY_MARGIN_MS;
    entry.until = known;
    return { ...fixed, ...found };
  };
  return {
    async current() {
      const { token } = config;
      if (token === undefined) return fixed;
      if (cached === undefined || clock.now() >= cached.until) {
        const entry: { value: Promise<Credentials>; until: number } = {
          value: Promise.resolve(fixed),
          until: Infinity,
        };
        entry.value = lookUp(token, entry);
        cached = entry;
      }
      const mine = cached;
      try {
        return await mine.value;
      } catch (cause) {
        if (cached === mine) cached = undefined;
        throw new NotSentError(`no credentials: ${messageOf(cause)}`, { cause });
      }
    },
    invalidate() {
      cached = undefined;
    },
  };
}

async function obtain(source: TokenSource): Promise<Credentials & { expiresAt?: number }> {
  if (source.kind === "static") return { token: source.token };
  if (source.kind === "file") return { token: (await readFile(source.path, "utf8")).trim() };
  return await runExecPlugin(source.plugin);
}
