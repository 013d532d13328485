/**
 * Who a task is to task-gateway and to the object store, on a real cluster: short-lived tokens of its pod, projected into the primary container
 * alone. The SDK is told by a configuration file, which all its versions read; it is an annotation of the pod, projected beside the token.
 */
import { primaryContainerName, taskGatewayAudience, trustConfigMap, trustKey } from "@homeplane/idl";
import type { Pod, Volume } from "@homeplane/kube";
import { knowsTokenCommand } from "./sdk-version.ts";
import type { PodContext } from "./task.ts";

export const trustVolume = "homeplane-trust";
export const trustFolder = "/etc/homeplane/trust";
const sdkConfigAnnotation = "homeplane.dev/sdk-config";
const identityVolume = "homeplane-identity";
const identityFolder = "/var/run/secrets/homeplane";
export const storeVolume = "homeplane-sts";
export const storeFolder = "/var/run/secrets/homeplane-sts";
const tokenSeconds = 3600;
/** For those who read it once, at their start. It dies with its pod; an API server may make it shorter. */
const onceReadSeconds = 24 * 3600;
const tokenFile = `${identityFolder}/token`;
const tokenCommand = ["cat", tokenFile];
const trustFile = `${trustFolder}/${trustKey}`;

/** A task may set these otherwise. */
export function trustEnvironment({ config }: PodContext): Readonly<Record<string, string>> {
  if (config.cluster === undefined) return {};
  return { SSL_CERT_FILE: trustFile, REQUESTS_CA_BUNDLE: trustFile, AWS_CA_BUNDLE: trustFile };
}

export function identityEnvironment({ config }: PodContext): Readonly<Record<string, string>> {
  const { cluster } = config;
  if (cluster === undefined) return {};
  const { webIdentity } = cluster;
  return {
    FLYTECTL_CONFIG: `${identityFolder}/flyte.yaml`,
    FLYTE_AUTH_TYPE: "ExternalCommand",
    FLYTE_AUTH_COMMAND: tokenCommand.join(" "),
    ...(webIdentity === undefined
      ? {}
      : {
          AWS_WEB_IDENTITY_TOKEN_FILE: `${storeFolder}/token`,
          AWS_ROLE_ARN: webIdentity.roleArn,
          AWS_REGION: webIdentity.region,
          ...(webIdentity.stsEndpoint === undefined ? {} : { AWS_ENDPOINT_URL_STS: webIdentity.stsEndpoint }),
          ...(webIdentity.endpoint === undefined ? {} : { FLYTE_AWS_ENDPOINT: webIdentity.endpoint }),
        }),
  };
}

/** YAML, as every JSON is. */
function sdkConfig({ config, taskAction, template }: PodContext): string {
  const { project, domain } = taskAction.spec;
  const auth = knowsTokenCommand(template)
    ? { authType: "ExternalCommand", command: tokenCommand }
    : { authType: "ClientSecret", clientId: "task", clientSecretLocation: tokenFile };
  return JSON.stringify({
    admin: {
      endpoint: `dns:///${config.gateway.hostPort}`,
      ...auth,
      caCertFilePath: trustFile,
      // Looking for a keyring takes long, and a pod has none.
      disableKeyring: true,
    },
    image: { builder: "remote" },
    task: { org: config.org, project, domain },
  });
}

export function podIdentity(pod: Pod, ctx: PodContext): Pod {
  const { cluster } = ctx.config;
  if (cluster === undefined) return pod;
  const token = (audience: string, expirationSeconds = tokenSeconds) => ({
    serviceAccountToken: { path: "token", audience, expirationSeconds },
  });
  const own = token(taskGatewayAudience, knowsTokenCommand(ctx.template) ? tokenSeconds : onceReadSeconds);
  const configFile = { path: "flyte.yaml", fieldRef: { fieldPath: `metadata.annotations['${sdkConfigAnnotation}']` } };
  const sources = [own, { downwardAPI: { items: [configFile] } }];
  const volumes: Volume[] = [
    { name: trustVolume, configMap: { name: trustConfigMap, items: [{ key: trustKey, path: trustKey }] } },
    { name: identityVolume, projected: { sources } },
  ];
  const mounts = [
    { name: trustVolume, mountPath: trustFolder, readOnly: true },
    { name: identityVolume, mountPath: identityFolder, readOnly: true },
  ];
  if (cluster.webIdentity !== undefined) {
    volumes.push({ name: storeVolume, projected: { sources: [token(cluster.webIdentity.audience)] } });
    mounts.push({ name: storeVolume, mountPath: storeFolder, readOnly: true });
  }
  const primary = primaryContainerName(ctx.template);
  const containers = pod.spec.containers.map((one) =>
    one.name === primary ? { ...one, volumeMounts: [...(one.volumeMounts ?? []), ...mounts] } : one,
  );
  const annotations = { ...pod.metadata.annotations, [sdkConfigAnnotation]: sdkConfig(ctx) };
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations },
    spec: { ...pod.spec, containers, volumes: [...(pod.spec.volumes ?? []), ...volumes] },
  };
}
