/**
 * Attaches a bill of materials to an image in a registry: a manifest whose `subject` is the image's. Registries from before the distribution
 * specification 1.1 do not list such referrers, so for them the list is the tag `sha256-<digest>`, as the specification says.
 */
import { blobOf, type Descriptor, indexType, jsonBlob, manifestType } from "./image.ts";
import { type Repository, putManifest, pushBlob, readManifest } from "./registry.ts";

const emptyType = "application/vnd.oci.empty.v1+json";

export async function attach(
  repository: Repository,
  subject: Descriptor,
  artifactType: string,
  bytes: Buffer,
): Promise<void> {
  const content = blobOf(bytes);
  const empty = jsonBlob({});
  await pushBlob(repository, empty);
  await pushBlob(repository, content);
  const { mediaType, digest, size } = subject;
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType,
    config: { mediaType: emptyType, digest: empty.digest, size: empty.size },
    layers: [{ mediaType: artifactType, digest: content.digest, size: content.size }],
    subject: { mediaType, digest, size },
  });
  const headers = await putManifest(repository, manifest.digest, manifestType, manifest.bytes);
  if (headers.has("oci-subject")) return;
  const referrer = { mediaType: manifestType, digest: manifest.digest, size: manifest.size, artifactType };
  await list(repository, digest.replace(":", "-"), referrer);
}

/** Two pushes at once could each drop the other's entry; the next push of the same image puts it back. */
async function list(repository: Repository, tag: string, referrer: Descriptor): Promise<void> {
  const text = await readManifest(repository, tag);
  const { manifests } =
    text === undefined ? { manifests: [] } : (JSON.parse(text) as { manifests: readonly Descriptor[] });
  if (manifests.some(({ digest }) => digest === referrer.digest)) return;
  const { bytes } = jsonBlob({ schemaVersion: 2, mediaType: indexType, manifests: [...manifests, referrer] });
  await putManifest(repository, tag, indexType, bytes);
}
