export { readAll } from "./body.ts";
export { ObjectStoreError, type ObjectStoreErrorCode } from "./error.ts";
export { type FsObjectStoreOptions, openFsObjectStore } from "./fs/fs-object-store.ts";
export { nativeUrl, parseNativeUrl } from "./native-url.ts";
export { type S3Server, type S3ServerOptions, startS3Server } from "./s3/server.ts";
export { createPresigner, type PresignerOptions } from "./sigv4/presigner.ts";
export type { Credentials } from "./sigv4/scope.ts";
export type {
  GetOptions,
  ListOptions,
  ListPage,
  ObjectBody,
  ObjectMeta,
  ObjectStore,
  PresignedRequest,
  Presigner,
  PresignRequest,
  PutOptions,
} from "./port.ts";
