/** Homeplane as a customer installs it: its own charts, on a cluster with a kubelet, enforced policies and an object store with STS. One file: there is one `union`. */
import { afterAll, beforeAll, describe } from "vitest";
import { hasPython, sdks } from "../../sdk/sdk-client.ts";
import { builtImages } from "../built-images.ts";
import { realCluster } from "../real-cluster.ts";
import { containerPromises } from "./containers.ts";
import { faultPromises } from "./faults.ts";
import { InstalledHomeplane } from "./installed-homeplane.ts";
import { lostPodPromises } from "./lost-pods.ts";
import { olderSdkPromises } from "./older-sdk.ts";
import { podPromises } from "./pods.ts";
import { sdkPromises } from "./sdk-in-pods.ts";
import { securityPromises } from "./security.ts";
import { statusPromises } from "./status.ts";

const [sdk, older] = sdks;

describe.skipIf(!hasPython || sdk === undefined)("installed with helm", () => {
  if (sdk === undefined) return;
  let homeplane: InstalledHomeplane;
  let image = "";
  beforeAll(async () => {
    const cluster = await realCluster();
    image = (await builtImages(cluster))["homeplane"] ?? "";
    homeplane = await InstalledHomeplane.start(cluster, image, sdk);
    // Makes the namespace of its project.
    await homeplane.feature("plain");
  }, 2_400_000);
  afterAll(() => homeplane?.[Symbol.asyncDispose]());

  const it = (): InstalledHomeplane => homeplane;
  describe(`the flyte SDK ${sdk.version} in pods`, { timeout: 300_000 }, () => sdkPromises(sdk, it));
  if (older !== undefined)
    describe(`the flyte SDK ${older.version} in pods`, { timeout: 300_000 }, () => olderSdkPromises(older, it));
  // Waits for the kubelet, most of them.
  describe.concurrent("pods", { timeout: 300_000 }, () => {
    containerPromises(it);
    podPromises(sdk, it);
  });
  describe("what a reviewer asks", { timeout: 120_000 }, () => securityPromises(it));
  describe("what an operator asks", { timeout: 120_000 }, () => statusPromises(it));
  describe("faults", { timeout: 1_500_000 }, () => {
    lostPodPromises(it);
    faultPromises(it, () => image);
  });
});
