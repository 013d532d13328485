/**
 * The object store as every component sees it: buckets of immutable objects under flat keys, with S3's semantics (strongly
 * consistent, last writer wins, a put is visible whole or not at all). Keys are well-formed Unicode, 1 to 1024 UTF-8 bytes.
 */
export interface ObjectMeta {
  readonly key: string;
  /** Bytes of the whole object, also when a range was read. */
  readonly size: number;
  /** Without quotes: the content's MD5 in hex, or an opaque value with a `-` in it. */
  readonly etag: string;
  readonly lastModified: Date;
  readonly contentType?: string;
  /** User metadata (`x-amz-meta-*` without the prefix), names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

export type ObjectBody = AsyncIterable<Uint8Array>;

export interface PutOptions {
  /** The 16 raw bytes of the body's MD5; another body is refused with `BadDigest`. */
  readonly contentMd5?: Uint8Array;
  /** Only create: an existing object is refused with `PreconditionFailed`. */
  readonly ifNoneMatch?: "*";
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface GetOptions {
  /** Offsets in bytes, both inclusive as in RFC 9110 (section 14.1.2); an end past the object is cut. */
  readonly range?: { readonly start: number; readonly end?: number };
  readonly signal?: AbortSignal;
}

export interface ListOptions {
  readonly prefix?: string;
  readonly delimiter?: string;
  /** The opaque `nextContinuationToken` of the page before. */
  readonly continuationToken?: string;
  /** Only keys after this one in order; a continuation token wins over it. */
  readonly startAfter?: string;
  /** Objects and common prefixes together; at most, and by default, 1000. */
  readonly maxKeys?: number;
  readonly signal?: AbortSignal;
}

export interface ListPage {
  /** In UTF-8 byte order, without content type and user metadata where the store does not list them. */
  readonly objects: readonly ObjectMeta[];
  readonly commonPrefixes: readonly string[];
  readonly nextContinuationToken?: string;
}

/** All methods throw `ObjectStoreError`; all throw the signal's reason when it aborts. */
export interface ObjectStore {
  put(bucket: string, key: string, body: Uint8Array | ObjectBody, options?: PutOptions): Promise<ObjectMeta>;
  /** The body must be read to its end or left by `break`: it holds a file or a connection open. */
  get(
    bucket: string,
    key: string,
    options?: GetOptions,
  ): Promise<{ readonly meta: ObjectMeta; readonly body: ObjectBody }>;
  head(bucket: string, key: string, options?: { readonly signal?: AbortSignal }): Promise<ObjectMeta>;
  /** Deleting what is absent succeeds. */
  delete(bucket: string, key: string, options?: { readonly signal?: AbortSignal }): Promise<void>;
  list(bucket: string, options?: ListOptions): Promise<ListPage>;
}

export interface PresignRequest {
  readonly method: "GET" | "PUT";
  readonly bucket: string;
  readonly key: string;
  /** 1 to 604800. */
  readonly expiresSeconds: number;
  /** Headers that the client must send with exactly these values, such as `content-md5` and `content-length`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PresignedRequest {
  readonly url: string;
  /** What the client must send. */
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
}

/** Signs without a call to the store, so it is cheap and synchronous. */
export interface Presigner {
  presign(request: PresignRequest): PresignedRequest;
}
