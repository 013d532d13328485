/**
 * The task's code, placed before the task starts: an init container of ours asks task-gateway for a presigned URL (its token is good for nothing
 * else), so the task needs no key to the bucket of bundles. The SDK finds what it would have downloaded: see packages/task-gateway/src/fetch-bundle.
 */
import { posix } from "node:path";
import { bundleAudience, primaryContainerName, trustKey } from "@homeplane/idl";
import type { Container, Pod } from "@homeplane/kube";
import { trustFolder, trustVolume } from "./pod-identity.ts";
import type { PodContext } from "./task.ts";
import { type PlacedBundle, placedBundle, workVolume } from "./work-folder.ts";

export const bundleContainer = "homeplane-bundle";
const tokenVolume = "homeplane-bundle-token";
const tokenFolder = "/var/run/secrets/homeplane-bundle";
/** Kubernetes' own lower bound. */
const tokenSeconds = 600;

/** SDKs differ in how they find a pickled task that is there already, but all copy one from another folder. */
function picklePath({ folder, url }: PlacedBundle): string {
  return posix.join(folder, ".homeplane", posix.basename(url));
}

export function codeBundle(pod: Pod, ctx: PodContext): Pod {
  const { cluster, gateway } = ctx.config;
  const primaryName = primaryContainerName(ctx.template);
  const primary = pod.spec.containers.find(({ name }) => name === primaryName);
  const bundle = placedBundle(ctx.template, primary);
  if (cluster === undefined || bundle === undefined) return pod;
  const folder = bundle.kind === "pkl" ? posix.dirname(picklePath(bundle)) : bundle.folder;
  const init: Container = {
    name: bundleContainer,
    image: cluster.initImage,
    command: ["node", "/app/fetch-bundle.mjs"],
    args: [
      ["--gateway", `https://${gateway.hostPort}`],
      ["--token", `${tokenFolder}/token`],
      ["--ca", `${trustFolder}/${trustKey}`],
      ["--kind", bundle.kind],
      ["--folder", folder],
    ].flat(),
    resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "256Mi" } },
    securityContext: { readOnlyRootFilesystem: true },
    volumeMounts: [
      { name: workVolume, mountPath: bundle.workingDir },
      { name: trustVolume, mountPath: trustFolder, readOnly: true },
      { name: tokenVolume, mountPath: tokenFolder, readOnly: true },
    ],
  };
  const token = { path: "token", audience: bundleAudience, expirationSeconds: tokenSeconds };
  const volume = { name: tokenVolume, projected: { sources: [{ serviceAccountToken: token }] } };
  const { containers, initContainers = [], volumes = [] } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      volumes: [...volumes, volume],
      initContainers: [init, ...initContainers],
      containers: containers.map((one) => (one === primary && bundle.kind === "pkl" ? withPickle(one, bundle) : one)),
    },
  };
}

function withPickle(container: Container, bundle: PlacedBundle): Container {
  const path = picklePath(bundle);
  const placed = (parts: string[]): string[] => parts.map((part, i) => (parts[i - 1] === "--pkl" ? path : part));
  return {
    ...container,
    ...(container.command ? { command: placed(container.command) } : {}),
    ...(container.args ? { args: placed(container.args) } : {}),
  };
}
