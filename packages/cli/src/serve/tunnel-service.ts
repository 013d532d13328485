import { LogService, ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import { ImageService } from "@homeplane/idl/homeplane/v1/images";
import { SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { systemClock as clock, watchedFile } from "@homeplane/runtime-kit";
import { createTunnelService } from "@homeplane/tunnel-service";
import { type DataPlaneConfig, dataPlaneSchema } from "./config.ts";
import { loadConfig } from "./load-config.ts";
import { type Building, type Parts, runProcess } from "./process.ts";

export async function runTunnelService(path: string): Promise<void> {
  const name = "tunnel-service";
  await runProcess(name, async () => ({ ...(await loadConfig(path, dataPlaneSchema)), name }), buildTunnelService);
}

/** The data plane's end of the tunnel. Nobody calls it: it dials. */
async function buildTunnelService(config: DataPlaneConfig, { log }: Building): Promise<Parts> {
  const { cluster, controlPlane, services, tls, identity } = config;
  const read = (path: string, what: string): (() => Promise<string>) =>
    watchedFile({ path, what, parse: (text) => text.trim(), clock, log });
  const readMaybe = (path: string | undefined, what: string): (() => Promise<string | undefined>) =>
    path === undefined ? async () => undefined : read(path, what);
  const ours = {
    ca: read(tls.caFile, "the CA of the data plane"),
    token: read(identity.tokenFile, "the token of our ServiceAccount"),
  };
  const tunnel = createTunnelService({
    cluster,
    controlPlane: {
      url: controlPlane.url,
      ca: readMaybe(controlPlane.caFile, "the CA of the control plane"),
      token: read(controlPlane.tokenFile, "this cluster's token for the control plane"),
    },
    services: new Map([
      [ObjectStoreService.typeName, { ...ours, url: services.objectStoreService }],
      [SecretService.typeName, { ...ours, url: services.secretService }],
      [LogService.typeName, { ...ours, url: services.logProvider }],
    ]),
    absent: new Map([
      [
        ImageService.typeName,
        "images are not built in this data plane yet: name one that is built already, as in flyte.Image.from_base()",
      ],
    ]),
    clock,
    random: Math.random,
    log,
  });
  const problem = (): string | undefined => {
    const { up, wanted, problem: why = "not dialled yet" } = tunnel.state();
    return up === wanted ? undefined : `${up} of ${wanted} connections to the control plane are up: ${why}`;
  };
  return { services: [tunnel], checks: [{ name: "control plane", informs: true, problem }] };
}
