/** Presigned URLs for bulk data, get and put for structured data; always below `org/project/domain/` of our two buckets. */
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import {
  nativeUrl,
  type ObjectBody,
  type ObjectStore,
  ObjectStoreError,
  type ObjectStoreErrorCode,
  type PresignedRequest,
  type Presigner,
  type PresignRequest,
  readAll,
} from "@homeplane/object-store";
import { lifetimeSeconds, maxGetBytes, maxPutBytes } from "./limits.ts";
import { locate, parseOwnUrl, type Scope } from "./location.ts";

export interface ObjectStoreServiceOptions extends Scope {
  readonly store: ObjectStore;
  readonly presigner: Presigner;
}

export function objectStoreService(options: ObjectStoreServiceOptions): ServiceImpl<typeof ObjectStoreService> {
  const { store } = options;
  const presign = (request: PresignRequest): Promise<PresignedRequest> =>
    options.presigner.presign(request).catch(rethrow);
  return {
    async createUploadUrl({ location, expiresIn, contentMd5, contentLength }, { signal }) {
      const { bucket, key } = locate(options, location);
      // Without it whoever holds the URL could store anything of any size under the key.
      if (contentMd5.length !== 16) {
        throw new ConnectError(
          `content_md5: is ${contentMd5.length} bytes, the MD5 digest of the content has 16`,
          Code.InvalidArgument,
        );
      }
      if (contentLength < 0n)
        throw new ConnectError(`content_length: is ${contentLength}, can not be negative`, Code.InvalidArgument);
      // Spelled as clients write them, who merge these with their own by exact name.
      const headers = {
        "Content-MD5": Buffer.from(contentMd5).toString("base64"),
        ...(contentLength > 0n ? { "Content-Length": String(contentLength) } : {}),
      };
      const signed = await presign({
        method: "PUT",
        bucket,
        key,
        expiresSeconds: lifetimeSeconds(expiresIn),
        headers,
        signal,
      });
      return {
        signedUrl: signed.url,
        nativeUrl: nativeUrl(bucket, key),
        expiresAt: timestampFromDate(signed.expiresAt),
        headers,
      };
    },
    async createDownloadUrl({ nativeUrl: url, expiresIn }, { signal }) {
      const location = parseOwnUrl(options, url);
      const signed = await presign({ method: "GET", ...location, expiresSeconds: lifetimeSeconds(expiresIn), signal });
      return { signedUrl: signed.url, expiresAt: timestampFromDate(signed.expiresAt) };
    },
    async putObject({ location, content, nativeUrl: url }, { signal }) {
      if (content.length > maxPutBytes) {
        throw new ConnectError(
          `content: is ${content.length} bytes, the limit is ${maxPutBytes}`,
          Code.ResourceExhausted,
        );
      }
      const { bucket, key } = url === "" ? locate(options, location) : parseOwnUrl(options, url);
      await store.put(bucket, key, content, { signal }).catch(rethrow);
      return { nativeUrl: nativeUrl(bucket, key) };
    },
    async getObject({ nativeUrl: url, maxBytes }, { signal }) {
      const { bucket, key } = parseOwnUrl(options, url);
      const limit = maxBytes > 0n ? Math.min(Number(maxBytes), maxGetBytes) : maxGetBytes;
      const { meta, body } = await store.get(bucket, key, { signal }).catch(rethrow);
      if (meta.size > limit) {
        await leave(body);
        throw new ConnectError(
          `${url} is ${meta.size} bytes, the limit is ${limit}: read it from the object store`,
          Code.ResourceExhausted,
        );
      }
      return { content: await readAll(body, limit).catch(rethrow) };
    },
    async listObjects({ nativeUrlPrefix, token }, { signal }) {
      const { bucket, key } = parseOwnUrl(options, nativeUrlPrefix);
      const page = await store
        .list(bucket, { prefix: `${key}/`, signal, ...(token ? { continuationToken: token } : {}) })
        .catch(rethrow);
      return {
        nativeUrls: page.objects.map((object) => nativeUrl(bucket, object.key)),
        token: page.nextContinuationToken ?? "",
      };
    },
  };
}

/** A body that is not read holds a file or a connection open. */
async function leave(body: ObjectBody): Promise<void> {
  for await (const _chunk of body) return;
}

const codes: Readonly<Partial<Record<ObjectStoreErrorCode, Code>>> = {
  NotFound: Code.NotFound,
  NoSuchBucket: Code.FailedPrecondition,
  TooLarge: Code.ResourceExhausted,
  NoSpace: Code.ResourceExhausted,
  InvalidKey: Code.InvalidArgument,
  BadDigest: Code.InvalidArgument,
  PreconditionFailed: Code.AlreadyExists,
  // Refused to us, not to the caller: for the operator of this data plane, who finds the call in the message.
  AccessDenied: Code.FailedPrecondition,
  Unauthenticated: Code.Unavailable,
  ClockSkew: Code.Unavailable,
  Untrusted: Code.Unavailable,
  Unavailable: Code.Unavailable,
};

function rethrow(error: unknown): never {
  if (!(error instanceof ObjectStoreError)) throw error;
  throw new ConnectError(error.message, codes[error.code] ?? Code.Internal, undefined, undefined, error);
}
