import type { ListPage } from "../port.ts";
import { uriEncodePath } from "../sigv4/uri-encode.ts";
import { S3Error, toS3Error } from "./error.ts";
import { type Exchange, sendEmpty, sendXml } from "./exchange.ts";
import { quoted } from "./headers.ts";
import { readXmlBody } from "./payload.ts";
import type { S3Request } from "./request.ts";
import { children, parseXml, textOf, type XmlValue } from "./xml.ts";

const MAX_KEYS = 1000;
/** 1000 keys of 1024 bytes, each escaped a little, with their tags. */
const MAX_DELETE_XML_BYTES = 4 * 1024 * 1024;

export async function listBuckets({ response, buckets }: Exchange): Promise<void> {
  // The port does not know when a bucket was made; clients want to see some date.
  const entries = buckets.map((name) => ({ Name: name, CreationDate: new Date(0).toISOString() }));
  sendXml(response, 200, "ListAllMyBucketsResult", {
    Owner: { ID: "homeplane", DisplayName: "homeplane" },
    Buckets: { Bucket: entries },
  });
}

export async function headBucket(exchange: Exchange): Promise<void> {
  checkBucket(exchange);
  sendEmpty(exchange.response, 200, { "x-amz-bucket-region": exchange.region });
}

export async function createBucket({ request, buckets }: Exchange): Promise<void> {
  if (buckets.includes(request.bucket))
    throw new S3Error("BucketAlreadyOwnedByYou", "the bucket exists already and is yours");
  throw new S3Error("AccessDenied", "the buckets of this store are set by its configuration");
}

export async function getBucketLocation(exchange: Exchange): Promise<void> {
  checkBucket(exchange);
  // S3 says nothing for its first region.
  sendXml(exchange.response, 200, "LocationConstraint", exchange.region === "us-east-1" ? "" : exchange.region);
}

/** No status at all is S3's way of saying "never had versions". */
export async function getBucketVersioning(exchange: Exchange): Promise<void> {
  checkBucket(exchange);
  sendXml(exchange.response, 200, "VersioningConfiguration", "");
}

function checkBucket({ request, buckets }: Exchange): void {
  if (!buckets.includes(request.bucket)) throw new S3Error("NoSuchBucket", "The specified bucket does not exist");
}

export async function listObjectsV2({ request, response, store, signal }: Exchange): Promise<void> {
  const query = listQuery(request);
  const token = request.param("continuation-token");
  const startAfter = request.param("start-after");
  const page = await store.list(request.bucket, {
    ...query.options,
    ...(token !== undefined && { continuationToken: token }),
    ...(startAfter !== undefined && { startAfter }),
    signal,
  });
  sendXml(response, 200, "ListBucketResult", {
    ...query.echo,
    ...(startAfter !== undefined && { StartAfter: query.encode(startAfter) }),
    ContinuationToken: token,
    NextContinuationToken: page.nextContinuationToken,
    KeyCount: page.objects.length + page.commonPrefixes.length,
    ...contents(page, query.encode),
  });
}

/** Version 1: the marker is a name, not a token. */
export async function listObjects({ request, response, store, signal }: Exchange): Promise<void> {
  const query = listQuery(request);
  const marker = request.param("marker") ?? "";
  const page = await store.list(request.bucket, {
    ...query.options,
    ...(marker !== "" && { startAfter: marker }),
    signal,
  });
  const last = [page.objects.at(-1)?.key ?? "", page.commonPrefixes.at(-1) ?? ""];
  const next = Buffer.compare(Buffer.from(last[0] ?? ""), Buffer.from(last[1] ?? "")) > 0 ? last[0] : last[1];
  sendXml(response, 200, "ListBucketResult", {
    ...query.echo,
    Marker: query.encode(marker),
    ...(page.nextContinuationToken !== undefined && { NextMarker: query.encode(next ?? "") }),
    ...contents(page, query.encode),
  });
}

function listQuery(request: S3Request) {
  const prefix = request.param("prefix") ?? "";
  const delimiter = request.param("delimiter") ?? "";
  const maxKeys = request.param("max-keys") ?? String(MAX_KEYS);
  const encoding = request.param("encoding-type");
  if (!/^\d{1,9}$/.test(maxKeys)) throw new S3Error("InvalidArgument", "max-keys must be a number");
  if (encoding !== undefined && encoding !== "url")
    throw new S3Error("InvalidArgument", "encoding-type can only be url");
  const encode = encoding === "url" ? uriEncodePath : (text: string): string => text;
  const limit = Math.min(Number(maxKeys), MAX_KEYS);
  return {
    encode,
    options: { prefix, maxKeys: limit, ...(delimiter !== "" && { delimiter }) },
    echo: {
      Name: request.bucket,
      Prefix: encode(prefix),
      Delimiter: delimiter === "" ? undefined : encode(delimiter),
      MaxKeys: limit,
      EncodingType: encoding,
    },
  };
}

function contents(page: ListPage, encode: (text: string) => string): { readonly [name: string]: XmlValue } {
  return {
    IsTruncated: page.nextContinuationToken !== undefined,
    Contents: page.objects.map(({ key, size, etag, lastModified }) => ({
      Key: encode(key),
      LastModified: lastModified.toISOString(),
      ETag: quoted(etag),
      Size: size,
      StorageClass: "STANDARD",
    })),
    CommonPrefixes: page.commonPrefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  };
}

/** Each key fails or succeeds alone; only what is wrong with the request as a whole is an error of the request. */
export async function deleteObjects({ request, response, payload, store, signal }: Exchange): Promise<void> {
  const root = parseXml(await readXmlBody(payload, MAX_DELETE_XML_BYTES), "Delete");
  const keys = children(root, "Object").map((object) => textOf(object, "Key"));
  if (keys.length === 0 || keys.length > MAX_KEYS)
    throw new S3Error("MalformedXML", `1 to ${MAX_KEYS} keys can be deleted at once`);
  const deleted: XmlValue[] = [];
  const failed: XmlValue[] = [];
  for (const key of keys) {
    try {
      await store.delete(request.bucket, key ?? "", { signal });
      deleted.push({ Key: key });
    } catch (error) {
      const { code, message } = toS3Error(error);
      if (code === "NoSuchBucket" || signal.aborted) throw error;
      failed.push({ Key: key, Code: code, Message: message });
    }
  }
  const quiet = textOf(root, "Quiet")?.trim() === "true";
  sendXml(response, 200, "DeleteResult", { Deleted: quiet ? [] : deleted, Error: failed });
}
