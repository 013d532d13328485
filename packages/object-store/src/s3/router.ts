import * as bucket from "./bucket-operations.ts";
import { S3Error } from "./error.ts";
import type { Operation } from "./exchange.ts";
import * as multipart from "./multipart-operations.ts";
import * as object from "./object-operations.ts";
import type { S3Request } from "./request.ts";

export interface Route {
  /** As the API reference names it, for the log. */
  readonly name: string;
  readonly run: Operation;
}

/**
 * S3 tells operations apart by what is in the query: a sub-resource that we do not have (`?acl`, `?tagging`, `?versions`) must
 * not be taken for the plain operation, so only known parameters are let through.
 */
const PLAIN =
  /^(X-Amz-.*|AWSAccessKeyId|Signature|Expires|x-id|response-.*|list-type|prefix|delimiter|max-keys|continuation-token|start-after|marker|encoding-type|fetch-owner|max-buckets|max-parts|part-number-marker|max-uploads|key-marker|upload-id-marker)$/;

export function routeOf(request: S3Request): Route {
  const { method } = request;
  const level = request.bucket === "" ? "service" : request.key === "" ? "bucket" : "object";
  const special = [...new Set(request.query.map(([name]) => name))].filter((name) => !PLAIN.test(name)).sort();
  const copy = method === "PUT" && request.header("x-amz-copy-source") !== undefined ? " copy" : "";
  const version = level === "bucket" && request.param("list-type") === "2" ? " v2" : "";
  const route = ROUTES[`${method} ${level}${copy}${version}${special.length === 0 ? "" : ` ?${special.join("&")}`}`];
  if (route === undefined) {
    throw new S3Error(
      "NotImplemented",
      `this store does not have ${method} of a ${level}${special.length === 0 ? "" : ` with ${special.join(", ")}`}`,
    );
  }
  return route;
}

const ROUTES: Readonly<Record<string, Route>> = {
  "GET service": { name: "ListBuckets", run: bucket.listBuckets },
  "HEAD bucket": { name: "HeadBucket", run: bucket.headBucket },
  "PUT bucket": { name: "CreateBucket", run: bucket.createBucket },
  "GET bucket ?location": { name: "GetBucketLocation", run: bucket.getBucketLocation },
  "GET bucket v2": { name: "ListObjectsV2", run: bucket.listObjectsV2 },
  "GET bucket": { name: "ListObjects", run: bucket.listObjects },
  "GET bucket ?uploads": { name: "ListMultipartUploads", run: multipart.listMultipartUploads },
  "GET bucket ?versioning": { name: "GetBucketVersioning", run: bucket.getBucketVersioning },
  "POST bucket ?delete": { name: "DeleteObjects", run: bucket.deleteObjects },
  "GET object": { name: "GetObject", run: object.getObject },
  "HEAD object": { name: "HeadObject", run: object.headObject },
  "GET object ?tagging": { name: "GetObjectTagging", run: object.getObjectTagging },
  "PUT object": { name: "PutObject", run: object.putObject },
  "PUT object copy": { name: "CopyObject", run: object.copyObject },
  "DELETE object": { name: "DeleteObject", run: object.deleteObject },
  "POST object ?uploads": { name: "CreateMultipartUpload", run: multipart.createMultipartUpload },
  "PUT object ?partNumber&uploadId": { name: "UploadPart", run: multipart.uploadPart },
  "PUT object copy ?partNumber&uploadId": { name: "UploadPartCopy", run: multipart.uploadPartCopy },
  "POST object ?uploadId": { name: "CompleteMultipartUpload", run: multipart.completeMultipartUpload },
  "DELETE object ?uploadId": { name: "AbortMultipartUpload", run: multipart.abortMultipartUpload },
  "GET object ?uploadId": { name: "ListParts", run: multipart.listParts },
};
