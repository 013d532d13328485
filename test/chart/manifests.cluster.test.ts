/** What the charts render, golden file by golden file: `npx vitest run --project cluster test/chart -u` writes them anew. */
import { describe, expect, test } from "vitest";
import { chartFolder, helm, template, withoutSecrets } from "./helm.ts";
import { goldenPath, permutations } from "./permutations.ts";

const values = (name: string): string => `${import.meta.dirname}/values/${name}.yaml`;
const [minio] = permutations.filter(({ name }) => name === "minio");
if (minio === undefined) throw new Error("there is no permutation minio");

/** With these values on top; each as --set-json takes it. */
const rendered = (...sets: string[]): Promise<string> => template(minio, ...sets.flatMap((set) => ["--set-json", set]));

describe("what is rendered", { timeout: 120_000 }, () => {
  test("helm lint finds nothing in either chart", async () => {
    await expect(helm("lint", "--strict", chartFolder("chart"), "-f", values("minio"))).resolves.toMatch(
      /0 chart\(s\) failed/,
    );
    const controlPlane = helm("lint", "--strict", chartFolder("chart-control-plane"), "-f", values("control-plane"));
    await expect(controlPlane).resolves.toMatch(/0 chart\(s\) failed/);
  });

  test.each(permutations.map((permutation) => [permutation.name, permutation] as const))(
    "%s is as its golden file says",
    async (name, permutation) => {
      await expect(withoutSecrets(await template(permutation))).toMatchFileSnapshot(goldenPath(name));
    },
  );

  test("certificates are valid for their Service, and signed by the CA that everybody trusts", async () => {
    const { X509Certificate } = await import("node:crypto");
    const { manifests, ofKind } = await import("./objects.ts");
    const objects = manifests(await template(minio));
    const trust = ofKind("ConfigMap", objects).find(({ metadata }) => metadata.name === "homeplane-trust");
    const ca = new X509Certificate(trust?.data?.["ca.crt"] ?? "");
    const leaves = ofKind("Secret", objects).filter(({ metadata }) => metadata.name.startsWith("homeplane-tls-"));
    expect(leaves.length).toBe(4);
    for (const { metadata, data } of leaves) {
      const leaf = new X509Certificate(Buffer.from(data?.["tls.crt"] ?? "", "base64"));
      const component = metadata.name.slice("homeplane-tls-".length);
      expect(leaf.verify(ca.publicKey)).toBe(true);
      expect(leaf.checkHost(`${component}.union.svc`)).toBe(`${component}.union.svc`);
    }
  });
});

describe("values that can not be", { timeout: 120_000 }, () => {
  test.each([
    [`clusterr="x"`, "additional properties 'clusterr' not allowed"],
    [`components.executor.replicas=0`, "/components/executor/replicas"],
    [`controlPlane.url="http://control-plane"`, "/controlPlane/url"],
    [`objectStore.metadataBucket="No Bucket"`, "/objectStore/metadataBucket"],
    [`domains=["my-domain"]`, "/domains/0"],
    [`identity.provider="ibm"`, "/identity/provider"],
    [`image.digest="sha256:1"`, "/image/digest"],
    [`extraCa="/etc/ssl/ca.crt"`, "/extraCa"],
    [`networkPolicies.objectStore=[{"cidr":"minio","ports":[9000]}]`, "/networkPolicies/objectStore/0"],
    [`taskNamespaces.egress.extra=[{"cidr":"10.0.0.0/8","ports":[]}]`, "/taskNamespaces/egress/extra/0"],
    [`taskNamespaces.egress.except=["everything"]`, "/taskNamespaces/egress/except/0"],
    [`user={"uid":0}`, "/user/uid"],
    [`components.executor.resources.requests.cpu="lots"`, "/components/executor/resources/requests/cpu"],
    [`networkPolicies.apiServer=[]`, "networkPolicies.apiServer: must be"],
    [`controlPlane.token=""`, "controlPlane.token: is required"],
    [`controlPlane.ca=""`, "controlPlane.ca: is required"],
    [`tls.mode="secrets"`, "tls.ca: is required"],
    [`taskNamespaces={"mode":"existing"}`, "taskNamespaces.existing: is required"],
    [`taskNamespaces={"existing":["a-b"]}`, "taskNamespaces.existing: is for"],
  ])("%s is refused by name", async (set, message) => {
    await expect(rendered(set)).rejects.toThrow(message);
  });
});
