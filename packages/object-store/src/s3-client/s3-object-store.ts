/** The port in front of Amazon S3 and whatever speaks its API. https://docs.aws.amazon.com/AmazonS3/latest/API/ */
import type { Clock, Random } from "@homeplane/runtime-kit";
import type { CredentialSource } from "../credentials/source.ts";
import { ObjectStoreError } from "../error.ts";
import { checkKey } from "../key.ts";
import type {
  DeleteOptions,
  GetOptions,
  ListOptions,
  ListPage,
  ObjectBody,
  ObjectMeta,
  ObjectStore,
  PutOptions,
} from "../port.ts";
import { addresser, type StoreAddress } from "./address.ts";
import { type Caller, createCaller, type S3Call } from "./call.ts";
import { getObject } from "./get.ts";
import { conditionHeaders, metaOf } from "./headers.ts";
import { createHttpClient, type HttpAnswer, type OutboundProxy } from "./http-client.ts";
import { listObjects } from "./list.ts";
import { putObject } from "./put.ts";

export interface S3ObjectStoreOptions extends StoreAddress {
  readonly credentials: CredentialSource;
  /** An extra CA of the store; read again when it changes. */
  readonly caFile?: string;
  readonly proxy?: OutboundProxy;
  readonly clock: Clock;
  readonly random: Random;
}

export interface S3ObjectStore extends ObjectStore {
  /** Breaks off what still runs. */
  close(): Promise<void>;
}

export function createS3ObjectStore({
  caFile,
  proxy,
  credentials,
  clock,
  random,
  ...address
}: S3ObjectStoreOptions): S3ObjectStore {
  const http = createHttpClient({ caFile, proxy, clock });
  const { region } = address;
  const call = createCaller({ http, target: addresser(address), region, credentials, clock, random });
  /** Buckets that were seen: a HEAD that finds nothing does not say whether it was the object or the bucket. */
  const seen = new Set<string>();

  async function head(
    bucket: string,
    key: string,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<ObjectMeta> {
    checkKey(key);
    const request = { bucket, key, signal };
    const answer = await headOf(call, request).catch(async (error: unknown) => {
      if (error instanceof ObjectStoreError && error.code === "NotFound" && !seen.has(bucket))
        await checkSeen(bucket, signal);
      throw error;
    });
    seen.add(bucket);
    return metaOf(key, answer.headers);
  }

  async function checkSeen(bucket: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      await (await call({ operation: "HeadBucket", method: "HEAD", bucket, signal })).discard();
    } catch (error) {
      if (error instanceof ObjectStoreError && error.code === "NotFound")
        throw new ObjectStoreError("NoSuchBucket", `there is no bucket ${JSON.stringify(bucket)}`, { cause: error });
      // A role may see objects and not be allowed to ask for the bucket.
    }
    seen.add(bucket);
  }

  return {
    head,
    async put(
      bucket: string,
      key: string,
      body: Uint8Array | ObjectBody,
      options: PutOptions = {},
    ): Promise<ObjectMeta> {
      checkKey(key);
      return putObject(call, { bucket, key }, body, options);
    },
    async get(bucket: string, key: string, options: GetOptions = {}): Promise<{ meta: ObjectMeta; body: ObjectBody }> {
      checkKey(key);
      return getObject(call, { clock, random }, { bucket, key }, options);
    },
    async delete(bucket: string, key: string, options: DeleteOptions = {}): Promise<void> {
      checkKey(key);
      await deleteObject(call, bucket, key, options);
    },
    list: (bucket: string, options: ListOptions = {}): Promise<ListPage> => listObjects(call, bucket, options),
    close: () => http.close(),
  };
}

async function headOf(call: Caller, request: Pick<S3Call, "bucket" | "key" | "signal">): Promise<HttpAnswer> {
  const headers = { "x-amz-checksum-mode": "ENABLED" };
  try {
    const answer = await call({ ...request, operation: "HeadObject", method: "HEAD", headers });
    await answer.discard();
    return answer;
  } catch (error) {
    if (!(error instanceof ObjectStoreError) || !saysNotWhy(error)) throw error;
    // A HEAD is refused without a reason; the same GET is refused with one.
    const answer = await call({
      ...request,
      operation: "GetObject",
      method: "GET",
      headers: { ...headers, range: "bytes=0-0" },
    });
    await answer.discard();
    return answer;
  }
}

const saysNotWhy = ({ call }: ObjectStoreError): boolean =>
  call?.reason === undefined && (call?.status === 400 || call?.status === 403);

async function deleteObject(
  call: Caller,
  bucket: string,
  key: string,
  { ifMatch, signal }: DeleteOptions,
): Promise<void> {
  const condition = ifMatch === undefined ? {} : { ifMatch };
  if (ifMatch !== undefined) await checkEtag(call, { bucket, key, signal }, ifMatch);
  try {
    const answer = await call({
      operation: "DeleteObject",
      method: "DELETE",
      bucket,
      key,
      headers: conditionHeaders(condition),
      repeatable: ifMatch === undefined,
      signal,
    });
    await answer.discard();
  } catch (error) {
    if (ifMatch === undefined && error instanceof ObjectStoreError && error.code === "NotFound") return;
    throw error;
  }
}

/** MinIO takes the condition of a delete for nothing: it is looked at first, which is not the same, but better than nothing. */
async function checkEtag(
  call: Caller,
  request: Pick<S3Call, "bucket" | "key" | "signal">,
  ifMatch: string,
): Promise<void> {
  const { etag } = metaOf("", (await headOf(call, request)).headers);
  if (ifMatch === "*" || etag === ifMatch) return;
  throw new ObjectStoreError("PreconditionFailed", `${request.bucket}/${request.key} is another version by now`);
}
