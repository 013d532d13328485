/** The cluster's certificates, keys and kubeconfigs: made once, kept until `reset`. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeKubeconfig } from "@homeplane/kube-embedded";
import { issueCa, issueLeaf, type LeafOptions } from "@homeplane/kube-embedded/certs";
import { apiUrl, node, type Place } from "./layout.ts";

/** Months: a developer's cluster lives long. */
const days = 365;

/** Who has a kubeconfig, by the subject that the API server reads from the certificate. */
const clients = {
  admin: "O=system:masters, CN=admin",
  kubelet: `O=system:nodes, CN=system:node:${node.name}`,
  "controller-manager": "CN=system:kube-controller-manager",
  scheduler: "CN=system:kube-scheduler",
  proxy: "CN=system:kube-proxy",
  calico: "O=system:masters, CN=calico",
} as const;

type Names = LeafOptions["names"];

export async function makeCredentials(place: Place): Promise<void> {
  const folder = join(place.folder, "credentials");
  if (existsSync(folder)) return;
  const work = `${folder}.new`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true, mode: 0o700 });
  const write = (name: string, text: string): Promise<void> => writeFile(join(work, name), text, { mode: 0o600 });

  const now = Date.now();
  const ca = await issueCa(now, days);
  await write("ca.crt", ca.cert);
  await write("ca.key", ca.key);
  const leaf = async (file: string, subject: string, usage: LeafOptions["usage"], names: Names = []): Promise<void> => {
    const { cert, key } = await issueLeaf({ ca, now, days, subject, usage, names });
    await write(`${file}.crt`, cert);
    await write(`${file}.key`, key);
  };
  const addresses = [...new Set([place.address, "127.0.0.1", "10.96.0.1"])].map((value) => ({
    type: "ip" as const,
    value,
  }));
  const serviceNames = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"].map((value) => ({
    type: "dns" as const,
    value,
  }));
  await leaf("apiserver", "CN=kube-apiserver", "server", [...addresses, ...serviceNames]);
  await leaf("apiserver-kubelet-client", "O=system:masters, CN=kube-apiserver-kubelet-client", "client");
  await leaf("front-proxy", "CN=front-proxy", "client");
  await leaf("kubelet", `O=system:nodes, CN=system:node:${node.name}`, "server", [
    { type: "ip", value: node.address },
    { type: "dns", value: node.name },
  ]);
  // A CA of its own: who trusts the object store must not trust the API server by accident, and the other way round.
  const storeCa = await issueCa(now, days);
  await write("store-ca.crt", storeCa.cert);
  const store = await issueLeaf({
    ...{ ca: storeCa, now, days, subject: "CN=minio", usage: "server" as const },
    names: [
      { type: "ip", value: node.address },
      { type: "dns", value: "minio.homeplane.test" },
    ],
  });
  await write("store.crt", store.cert);
  await write("store.key", store.key);
  const keys = { accessKey: "homeplane-root", secretKey: randomBytes(24).toString("hex") };
  await write("store-root.json", JSON.stringify(keys));

  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await write("accounts.key", privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  for (const [name, subject] of Object.entries(clients)) {
    const { cert, key } = await issueLeaf({ ca, now, days, subject, usage: "client", names: [] });
    await writeKubeconfig({ path: join(work, `${name}.kubeconfig`), url: apiUrl(place), ca: ca.cert, cert, key });
  }
  await rename(work, folder);
}
