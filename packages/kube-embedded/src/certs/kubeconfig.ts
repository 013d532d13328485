import { writePrivateFile } from "./atomic-file.ts";

export interface KubeconfigFile {
  readonly path: string;
  readonly url: string;
  /** PEM texts: the CA, and the client's certificate and key. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const NAME = "homeplane";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** Writes a kubeconfig (0600, atomically) that is complete in itself. JSON is YAML. */
export async function writeKubeconfig(file: KubeconfigFile): Promise<void> {
  const { path, url, ca, cert, key } = file;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: NAME, cluster: { server: url, "certificate-authority-data": base64(ca) } }],
    users: [{ name: NAME, user: { "client-certificate-data": base64(cert), "client-key-data": base64(key) } }],
    contexts: [{ name: NAME, context: { cluster: NAME, user: NAME, namespace: "default" } }],
    "current-context": NAME,
  };
  await writePrivateFile(path, `${JSON.stringify(config, undefined, 2)}\n`);
}
