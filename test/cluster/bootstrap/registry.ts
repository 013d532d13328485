/** The image registry, on plain HTTP: containerd's mirror of ghcr.io, and where tests push their images. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Daemon } from "./daemon.ts";
import { full, registry as address } from "./layout.ts";

/** @param debian where the programs of the Debian packages are */
export async function registry(debian: string): Promise<Daemon> {
  const folder = join(full.folder, "registry");
  await mkdir(folder, { recursive: true });
  const config = join(folder, "config.json");
  const storage = { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: true } };
  await writeFile(config, JSON.stringify({ version: 0.1, log: { level: "warn" }, storage, http: { addr: address } }));
  return {
    name: "registry",
    program: join(debian, "usr/bin/docker-registry"),
    args: ["serve", config],
    files: [config],
    check: `http://${address}/v2/`,
  };
}
