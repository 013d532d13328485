/** An image by the OCI image specification 1.1: its blobs, named by digest. */
import { createHash } from "node:crypto";
import { epoch, type Layer } from "./layer.ts";
import type { Package } from "./packages.ts";

/** Of Docker and OCI; Node says x64. */
export type Architecture = "amd64" | "arm64";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: "linux"; readonly architecture: Architecture };
  readonly artifactType?: string;
}

export type Blob = { readonly digest: string; readonly size: number } & (
  | { readonly bytes: Buffer }
  | { readonly file: string }
);

export interface Image {
  /** Of a manifest or of an index: what a tag names. */
  readonly root: Descriptor;
  /** Manifests, children first. */
  readonly manifests: readonly (Descriptor & { readonly bytes: Buffer })[];
  /** Configurations and layers. */
  readonly blobs: readonly Blob[];
  /** What each architecture's image was made of. */
  readonly contents: readonly Contents[];
}

export interface Contents {
  readonly manifest: Descriptor;
  readonly packages: readonly Package[];
  /** Of all its layers, compressed. */
  readonly size: number;
}

/** The fields of `config` in the OCI image configuration. */
export interface Settings {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
}

export const manifestType = "application/vnd.oci.image.manifest.v1+json";
export const indexType = "application/vnd.oci.image.index.v1+json";
const configType = "application/vnd.oci.image.config.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";

export function image(architecture: Architecture, config: Settings, layers: readonly Layer[]): Image {
  const created = epoch.toISOString();
  const configuration = jsonBlob({
    created,
    architecture,
    os: "linux",
    config,
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created, created_by: "npm run images -- build" })),
  });
  const { bytes, ...manifest } = jsonBlob({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: configType, digest: configuration.digest, size: configuration.size },
    layers: layers.map(({ digest, size }) => ({ mediaType: layerType, digest, size })),
    annotations: config.Labels,
  });
  const root: Descriptor = { mediaType: manifestType, ...manifest, platform: { os: "linux", architecture } };
  const packages = layers.flatMap((layer) => layer.packages);
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  return {
    root,
    manifests: [{ ...root, bytes }],
    blobs: [configuration, ...layers],
    contents: [{ manifest: root, packages, size }],
  };
}

/** One name for several architectures. */
export function imageIndex(images: readonly Image[]): Image {
  const { bytes, ...index } = jsonBlob({
    schemaVersion: 2,
    mediaType: indexType,
    manifests: images.map(({ root }) => root),
  });
  const root: Descriptor = { mediaType: indexType, ...index };
  return {
    root,
    manifests: [...images.flatMap(({ manifests }) => manifests), { ...root, bytes }],
    blobs: images.flatMap(({ blobs }) => blobs),
    contents: images.flatMap(({ contents }) => contents),
  };
}

export interface SmallBlob {
  readonly digest: string;
  readonly size: number;
  readonly bytes: Buffer;
}

export const jsonBlob = (value: unknown): SmallBlob => blobOf(Buffer.from(JSON.stringify(value)));

export const blobOf = (bytes: Buffer): SmallBlob => ({
  digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
  size: bytes.length,
  bytes,
});
