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
  /** `cache-control`, `content-disposition`, `content-encoding`, `content-language`, `expires`: served as they were given. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the whole object, when it was put with one. */
  readonly checksum?: Checksum;
  /** User metadata (`x-amz-meta-*` without the prefix), names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Checksum {
  readonly algorithm: "crc32" | "crc32c" | "crc64nvme" | "sha1" | "sha256";
  /** Base64 of the big-endian bytes, as S3 writes them. */
  readonly value: string;
}

/** What must hold at the moment of the change; otherwise it is refused with `PreconditionFailed` and nothing is changed. */
export interface WriteConditions {
  /** Only create: there is no object of this key. */
  readonly ifNoneMatch?: "*";
  /** Only replace the object with this etag; `*` is any. `NotFound` when there is none. */
  readonly ifMatch?: string;
}

export type ObjectBody = AsyncIterable<Uint8Array>;

export interface PutOptions extends WriteConditions {
  /** The 16 raw bytes of the body's MD5; another body is refused with `BadDigest`. */
  readonly contentMd5?: Uint8Array;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is to be kept as the object's checksum; asked when the body has been read. The body itself tells whether it fits. */
  readonly checksum?: () => Checksum | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface DeleteOptions extends Pick<WriteConditions, "ifMatch"> {
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

/**
 * All methods throw `ObjectStoreError`; all throw the signal's reason when it aborts. Large objects have no methods of their own:
 * `put` takes a stream of any length, and a driver whose back end wants it in parts cuts it.
 */
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
  delete(bucket: string, key: string, options?: DeleteOptions): Promise<void>;
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
  readonly signal?: AbortSignal;
}

export interface PresignedRequest {
  readonly url: string;
  /** What the client must send. */
  readonly headers: Readonly<Record<string, string>>;
  /** Earlier than was asked for when the signer's own credentials end before. */
  readonly expiresAt: Date;
}

/** Signs without a call to the store. Throws `ObjectStoreError`; waits only when credentials have to be renewed. */
export interface Presigner {
  presign(request: PresignRequest): Promise<PresignedRequest>;
}
