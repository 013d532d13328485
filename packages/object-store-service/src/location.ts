import { Code, ConnectError } from "@connectrpc/connect";
import { Bucket, type ObjectLocation } from "@homeplane/idl/homeplane/v1/dataplane";
import { parseNativeUrl } from "@homeplane/object-store";

/** The names of the two buckets. */
export interface Buckets {
  readonly metadata: string;
  readonly fastRegistration: string;
}

/** What this data plane serves. */
export interface Scope {
  readonly buckets: Buckets;
  /** The one organisation whose keys may be named; absent = any that lies in the buckets. */
  readonly org?: string;
}

export interface Location {
  readonly bucket: string;
  readonly key: string;
}

function invalid(field: string, problem: string): ConnectError {
  return new ConnectError(`${field}: ${problem}`, Code.InvalidArgument);
}

/** A segment that a signer may put into a key: nothing that climbs, hides or ends a path. */
function checkSegments(path: string, field: string): void {
  for (const segment of path.split("/")) {
    if (segment === "" || segment === "." || segment === "..")
      throw invalid(field, `"${path}" has an empty, "." or ".." segment`);
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    if (/[\u0000-\u001f\u007f-\u009f\\]/.test(segment)) throw invalid(field, "has a control character or a backslash");
  }
}

function checkOrg(org: string | undefined, key: string): void {
  const asked = key.slice(0, key.indexOf("/"));
  if (org === undefined || asked === org) return;
  throw new ConnectError(`organization "${asked}" is not the one of this data plane`, Code.PermissionDenied);
}

/** `<bucket>/<org>/<project>/<domain>/<path>`; the scope can not be left by the path. */
export function locate({ buckets, org }: Scope, location: ObjectLocation | undefined): Location {
  const { project, path, bucket } = location ?? {};
  if (project === undefined) throw invalid("location.project", "is required");
  const scope = [project.organization, project.name, project.domain];
  for (const part of scope) {
    if (part === "" || part.includes("/"))
      throw invalid("location.project", "organization, name and domain must be single names");
  }
  const key = [...scope, path].join("/");
  checkSegments(key, "location.path");
  checkOrg(org, key);
  if (bucket === Bucket.METADATA) return { bucket: buckets.metadata, key };
  if (bucket === Bucket.FAST_REGISTRATION) return { bucket: buckets.fastRegistration, key };
  throw invalid("location.bucket", "must be BUCKET_METADATA or BUCKET_FAST_REGISTRATION");
}

/** An address in one of our two buckets, of at least `org/project/domain/x`. */
export function parseOwnUrl({ buckets, org }: Scope, url: string): Location {
  let location: Location;
  try {
    location = parseNativeUrl(url);
  } catch (error) {
    throw new ConnectError(
      `native_url: "${url}" is not an address of this store`,
      Code.InvalidArgument,
      undefined,
      undefined,
      error,
    );
  }
  if (location.bucket !== buckets.metadata && location.bucket !== buckets.fastRegistration) {
    throw new ConnectError(
      `native_url: bucket "${location.bucket}" is not one of this data plane's`,
      Code.PermissionDenied,
    );
  }
  checkSegments(location.key, "native_url");
  if (location.key.split("/").length < 4) throw invalid("native_url", "names no object of a project's domain");
  checkOrg(org, location.key);
  return location;
}
