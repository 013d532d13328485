/**
 * Which cluster calls: each has a file with its token, or two, one a line, while one is being replaced. Compared in constant time, by digest, with
 * all of them, so that neither the length nor the cluster shows in the time it takes.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { type Clock, HomeplaneError, type Logger, watchedFile } from "@homeplane/runtime-kit";

export interface ClusterConfig {
  readonly name: string;
  readonly tokenFile: string;
}

/** Guessing 128 bits is out of reach; 22 characters of base64 hold them. */
const minTokenLength = 22;

export interface ClusterTokens {
  /** The cluster of an `authorization` header, `undefined` when it is nobody's. */
  clusterOf(authorization: string | undefined): Promise<string | undefined>;
}

/** Reads all files once, so that one that can not be used is an error at the start. */
export async function openClusterTokens(
  clusters: readonly ClusterConfig[],
  options: { readonly clock: Clock; readonly log: Logger },
): Promise<ClusterTokens> {
  const readers = clusters.map(({ name, tokenFile }) => ({
    name,
    read: watchedFile({ ...options, path: tokenFile, what: `the token of cluster "${name}"`, parse: digestsOf }),
  }));
  const all = await Promise.all(readers.map(async ({ name, read }) => ({ name, digests: await read() })));
  refuseShared(all);
  return {
    clusterOf: async (authorization) => {
      const token = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? "")?.[1] ?? "";
      const digest = digestOf(token);
      let found: string | undefined;
      for (const { name, read } of readers) {
        for (const known of await read()) if (timingSafeEqual(known, digest)) found ??= name;
      }
      return found;
    },
  };
}

function digestsOf(text: string): readonly Buffer[] {
  const tokens = text.split("\n").flatMap((line) => line.trim() || []);
  if (tokens.length === 0) throw new Error("it is empty");
  for (const token of tokens) {
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Error("it holds characters that no header can carry");
    if (token.length < minTokenLength)
      throw new Error(`a token has ${token.length} characters, fewer than ${minTokenLength}: \`openssl rand -hex 32\``);
  }
  return tokens.map(digestOf);
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function refuseShared(all: readonly { readonly name: string; readonly digests: readonly Buffer[] }[]): void {
  const owners = new Map<string, string>();
  for (const { name, digests } of all) {
    for (const digest of digests) {
      const owner = owners.get(digest.toString("hex"));
      if (owner !== undefined) {
        const next = "give each cluster a token of its own: `openssl rand -hex 32`";
        throw new HomeplaneError("TokenShared", `clusters "${owner}" and "${name}" have the same token`, next);
      }
      owners.set(digest.toString("hex"), name);
    }
  }
}
