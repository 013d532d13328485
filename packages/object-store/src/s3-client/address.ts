import { ObjectStoreError } from "../error.ts";
import { uriEncodePath } from "../sigv4/uri-encode.ts";

/** Where the bucket's name stands: in the path, as most stores have it, or before the host, as AWS wants it of new buckets. */
export type Addressing = "path" | "virtual-host";

export interface StoreAddress {
  /** `http(s)://host[:port]`; absent = AWS. */
  readonly endpoint?: string;
  readonly region: string;
  /** Absent = `virtual-host` for AWS and `path` for an endpoint. */
  readonly addressing?: Addressing;
}

export interface Target {
  readonly origin: string;
  readonly host: string;
  /** Encoded, without a query. */
  readonly path: string;
}

export type Addresser = (bucket: string, key?: string) => Target;

/** Throws `ObjectStoreError` when the endpoint is no address. */
export function addresser({ endpoint, region, addressing }: StoreAddress): Addresser {
  const url = URL.parse(endpoint ?? `https://s3.${region}.${awsDomain(region)}`);
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.search !== "")
    throw new ObjectStoreError("Internal", `the store's endpoint must be http(s)://host[:port], is "${endpoint}"`);
  const { protocol, host, origin } = url;
  const virtual = (addressing ?? (endpoint === undefined ? "virtual-host" : "path")) === "virtual-host";
  return (bucket, key = "") => {
    const keyPath = `/${uriEncodePath(key)}`;
    // A wildcard certificate stands for one label: a bucket with a dot in its name would not be believed.
    if (!virtual || bucket.includes("."))
      return { origin, host, path: `/${uriEncodePath(bucket)}${key === "" ? "" : keyPath}` };
    return { origin: `${protocol}//${bucket}.${host}`, host: `${bucket}.${host}`, path: keyPath };
  };
}

export function awsDomain(region: string): string {
  return region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}
