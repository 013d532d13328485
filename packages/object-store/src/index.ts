export { readAll } from "./body.ts";
export { type BucketProblem, checkBucket, type CheckBucketOptions } from "./check-bucket.ts";
export { type CredentialSource, type SessionCredentials, staticCredentials } from "./credentials/source.ts";
export { prefixPolicy } from "./credentials/prefix-policy.ts";
export {
  type WebIdentityCredentials,
  webIdentityCredentials,
  type WebIdentityOptions,
} from "./credentials/web-identity.ts";
export { ObjectStoreError, type ObjectStoreErrorCode } from "./error.ts";
export { type FsObjectStoreOptions, openFsObjectStore } from "./fs/fs-object-store.ts";
export { nativeUrl, parseNativeUrl } from "./native-url.ts";
export type { OutboundProxy } from "./s3-client/http-client.ts";
export { createS3ObjectStore, type S3ObjectStore, type S3ObjectStoreOptions } from "./s3-client/s3-object-store.ts";
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
