/** The SDK on this machine, Homeplane on the cluster. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { python, type Sdk, SdkClient } from "../../sdk/sdk-client.ts";
import { controlPlaneNamespace, install } from "./install.ts";
import type { ClusterEnvironment } from "../bootstrap/environment.ts";
import { PortForward } from "./port-forward.ts";

export class InstalledHomeplane extends SdkClient implements AsyncDisposable {
  readonly cluster: ClusterEnvironment;
  readonly python: string;
  readonly forward: PortForward;
  readonly #folder: string;

  private constructor(cluster: ClusterEnvironment, forward: PortForward, folder: string, project: string, sdk?: Sdk) {
    super(project);
    this.cluster = cluster;
    this.python = sdk?.python ?? python;
    this.forward = forward;
    this.#folder = folder;
  }

  /** Installs, or upgrades what is installed. */
  static async start(cluster: ClusterEnvironment, image: string, sdk?: Sdk): Promise<InstalledHomeplane> {
    await install(cluster, image);
    return await InstalledHomeplane.connect(cluster, sdk);
  }

  /** To what is installed already. */
  static async connect(cluster: ClusterEnvironment, sdk?: Sdk, project = "flytesnacks"): Promise<InstalledHomeplane> {
    const forward = await PortForward.start(cluster, controlPlaneNamespace, "deployment/control-plane", 8090);
    const folder = await mkdtemp(join(tmpdir(), "homeplane-cluster-"));
    const config = {
      admin: { endpoint: `dns:///${new URL(forward.url).host}`, insecure: true },
      task: { project, domain: "development" },
    };
    // JSON is YAML.
    await writeFile(join(folder, "config.yaml"), JSON.stringify(config));
    return new InstalledHomeplane(cluster, forward, folder, project, sdk);
  }

  get controlPlane(): string {
    return this.forward.url;
  }

  /** docs/guide/install.md, "A client". */
  async environment(): Promise<Record<string, string>> {
    const { minio } = this.cluster;
    return {
      PATH: `${dirname(this.python)}:${process.env["PATH"] ?? ""}`,
      HOME: this.#folder,
      PYTHONUNBUFFERED: "1",
      FLYTECTL_CONFIG: join(this.#folder, "config.yaml"),
      FLYTE_AWS_ENDPOINT: minio.endpoint,
      FLYTE_AWS_ACCESS_KEY_ID: minio.accessKey,
      FLYTE_AWS_SECRET_ACCESS_KEY: minio.secretKey,
      SSL_CERT_FILE: minio.caFile,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.forward[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
