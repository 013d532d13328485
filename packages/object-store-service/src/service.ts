/** Presigned URLs for bulk data, get and put for structured data; always below `org/project/domain/` of our two buckets. */
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import {
  nativeUrl,
  type ObjectStore,
  ObjectStoreError,
  type ObjectStoreErrorCode,
  type Presigner,
  readAll,
} from "@homeplane/object-store";
import { lifetimeSeconds, maxGetBytes, maxPutBytes } from "./limits.ts";
import { type Buckets, locate, parseOwnUrl } from "./location.ts";

export interface ObjectStoreServiceOptions {
  readonly store: ObjectStore;
  readonly presigner: Presigner;
  readonly buckets: Buckets;
}

export function objectStoreService(options: ObjectStoreServiceOptions): ServiceImpl<typeof ObjectStoreService> {
  const { store, presigner, buckets } = options;
  return {
    async createUploadUrl({ location, expiresIn, contentMd5, contentLength }) {
      const { bucket, key } = locate(buckets, location);
      if (contentMd5.length !== 0 && contentMd5.length !== 16) {
        throw new ConnectError(
          `content_md5: is ${contentMd5.length} bytes, an MD5 digest has 16`,
          Code.InvalidArgument,
        );
      }
      // Spelled as clients write them, who merge these with their own by exact name.
      const headers = {
        ...(contentMd5.length === 16 ? { "Content-MD5": Buffer.from(contentMd5).toString("base64") } : {}),
        ...(contentLength > 0n ? { "Content-Length": String(contentLength) } : {}),
      };
      const signed = presigner.presign({
        method: "PUT",
        bucket,
        key,
        expiresSeconds: lifetimeSeconds(expiresIn),
        headers,
      });
      return {
        signedUrl: signed.url,
        nativeUrl: nativeUrl(bucket, key),
        expiresAt: timestampFromDate(signed.expiresAt),
        headers,
      };
    },
    async createDownloadUrl({ nativeUrl: url, expiresIn }) {
      const location = parseOwnUrl(buckets, url);
      const signed = presigner.presign({ method: "GET", ...location, expiresSeconds: lifetimeSeconds(expiresIn) });
      return { signedUrl: signed.url, expiresAt: timestampFromDate(signed.expiresAt) };
    },
    async putObject({ location, content, nativeUrl: url }, { signal }) {
      if (content.length > maxPutBytes) {
        throw new ConnectError(
          `content: is ${content.length} bytes, the limit is ${maxPutBytes}`,
          Code.ResourceExhausted,
        );
      }
      const { bucket, key } = url === "" ? locate(buckets, location) : parseOwnUrl(buckets, url);
      await store.put(bucket, key, content, { signal }).catch(rethrow);
      return { nativeUrl: nativeUrl(bucket, key) };
    },
    async getObject({ nativeUrl: url, maxBytes }, { signal }) {
      const { bucket, key } = parseOwnUrl(buckets, url);
      const limit = maxBytes > 0n ? Math.min(Number(maxBytes), maxGetBytes) : maxGetBytes;
      const { meta, body } = await store.get(bucket, key, { signal }).catch(rethrow);
      if (meta.size > limit) {
        throw new ConnectError(
          `${url} is ${meta.size} bytes, the limit is ${limit}: read it from the object store`,
          Code.ResourceExhausted,
        );
      }
      return { content: await readAll(body, limit).catch(rethrow) };
    },
    async listObjects({ nativeUrlPrefix, token }, { signal }) {
      const { bucket, key } = parseOwnUrl(buckets, nativeUrlPrefix);
      const page = await store
        .list(bucket, { prefix: `${key}/`, signal, ...(token ? { continuationToken: token } : {}) })
        .catch(rethrow);
      return { nativeUrls: page.objects.map((object) => nativeUrl(bucket, object.key)), token: page.nextContinuationToken ?? "" };
    },
  };
}

const codes: Readonly<Partial<Record<ObjectStoreErrorCode, Code>>> = {
  NotFound: Code.NotFound,
  NoSuchBucket: Code.FailedPrecondition,
  TooLarge: Code.ResourceExhausted,
  InvalidKey: Code.InvalidArgument,
  BadDigest: Code.InvalidArgument,
  PreconditionFailed: Code.AlreadyExists,
};

function rethrow(error: unknown): never {
  if (!(error instanceof ObjectStoreError)) throw error;
  throw new ConnectError(error.message, codes[error.code] ?? Code.Internal, undefined, undefined, error);
}
