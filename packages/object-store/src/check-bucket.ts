import { randomUUID } from "node:crypto";
import { readAll } from "./body.ts";
import { ObjectStoreError, type ObjectStoreErrorCode } from "./error.ts";
import type { ObjectStore } from "./port.ts";

/** `read` lists, which is cheap enough for a probe that asks all the time; `all` writes, reads and deletes an object of its own too. */
export interface CheckBucketOptions {
  readonly depth: "read" | "all";
  /** Of the object that is written; default `.homeplane/check-<random>`. */
  readonly key?: string;
  readonly signal: AbortSignal;
}

export interface BucketProblem {
  readonly call: "list" | "put" | "get" | "delete";
  readonly code: ObjectStoreErrorCode;
  /** What was refused, by whom, and why. */
  readonly message: string;
  /** To the one who can put it right. */
  readonly nextStep: string;
}

/** Nobody but who can put it right gets further from there: no other call is tried. */
const HOPELESS: ReadonlySet<ObjectStoreErrorCode> = new Set([
  "NoSuchBucket",
  "Unauthenticated",
  "ClockSkew",
  "Untrusted",
  "Unavailable",
]);

/** What keeps us from using a bucket; empty = nothing. Throws the signal's reason, and what is no `ObjectStoreError`. */
export async function checkBucket(
  store: ObjectStore,
  bucket: string,
  { depth, key = `.homeplane/check-${randomUUID()}`, signal }: CheckBucketOptions,
): Promise<readonly BucketProblem[]> {
  const content = Buffer.from("homeplane");
  const calls: readonly (readonly [BucketProblem["call"], () => Promise<unknown>])[] = [
    ["list", () => store.list(bucket, { maxKeys: 1, signal })],
    ["put", () => store.put(bucket, key, content, { signal })],
    ["get", async () => readAll((await store.get(bucket, key, { signal })).body, 1024)],
    ["delete", () => store.delete(bucket, key, { signal })],
  ];
  const problems: BucketProblem[] = [];
  for (const [call, run] of depth === "read" ? calls.slice(0, 1) : calls) {
    // Nothing was written that could be read or deleted.
    if (call !== "put" && problems.some((problem) => problem.call === "put")) continue;
    try {
      await run();
    } catch (error) {
      if (signal.aborted || !(error instanceof ObjectStoreError)) throw error;
      problems.push({ call, code: error.code, message: error.message, nextStep: nextStep(call, bucket, error.code) });
      if (HOPELESS.has(error.code)) break;
    }
  }
  return problems;
}

const RIGHT = { list: "s3:ListBucket", put: "s3:PutObject", get: "s3:GetObject", delete: "s3:DeleteObject" } as const;

function nextStep(call: BucketProblem["call"], bucket: string, code: ObjectStoreErrorCode): string {
  switch (code) {
    case "NoSuchBucket":
      return `Create the bucket "${bucket}", or name another in the configuration's objectStore.`;
    case "AccessDenied":
      return `Allow our role ${RIGHT[call]} on arn:aws:s3:::${bucket}${call === "list" ? "" : "/*"}.`;
    case "Unauthenticated":
      return "Look at the role's trust policy (it must name this ServiceAccount), at objectStore.roleArn, and at the audience of the token.";
    case "ClockSkew":
      return "Set the clock of this node, or of the store: they may differ by 15 minutes at most.";
    case "Untrusted":
      return "Put the authority that signed the store's certificate into objectStore.caFile, and use a host name that is in the certificate.";
    case "Unavailable":
      return "Look at objectStore.endpoint, at the network policies between here and there, and at the store itself.";
    default:
      return "Look at the store's own log.";
  }
}
