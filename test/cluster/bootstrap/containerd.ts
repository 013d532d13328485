/** The container runtime: its own configuration, root, state and socket, never the system's. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { configure } from "./configure.ts";
import type { Daemon } from "./daemon.ts";
import { pauseImage } from "./images.ts";
import { cniFolders, containerdSocket, full, registry, runFolder } from "./layout.ts";

const mirror = (host: string): string =>
  `server = "${host}"\n\n[host."http://${registry}"]\n  capabilities = ["pull", "resolve"]\n`;

/** @param debian where the programs of the Debian packages are */
export async function containerd(debian: string): Promise<Daemon> {
  const folder = join(full.folder, "containerd");
  const hosts = join(folder, "hosts");
  await mkdir(runFolder, { recursive: true, mode: 0o711 });
  await configure(join(hosts, registry, "hosts.toml"), mirror(`http://${registry}`));
  await configure(join(hosts, "ghcr.io/hosts.toml"), mirror("https://ghcr.io"));
  const config = await configure(
    join(folder, "config.toml"),
    `version = 2
root = "${join(folder, "root")}"
state = "${runFolder}/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
  address = "${containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Without CAP_SYS_RESOURCE no process gets a lower score than its parent has.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniFolders.bin}"
    conf_dir = "${cniFolders.conf}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${hosts}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "${join(debian, "usr/sbin/runc")}"
`,
  );
  return {
    name: "containerd",
    program: join(debian, "usr/bin/containerd"),
    args: ["--config", config],
    // It finds its shim by the path.
    env: { PATH: `${join(debian, "usr/bin")}:${process.env["PATH"]}` },
    files: [config],
    check: `unix:${containerdSocket}`,
  };
}

/** The command that asks containerd for what Kubernetes has in it. */
export const ctr = (debian: string, ...args: string[]): [string, ...string[]] => [
  join(debian, "usr/bin/ctr"),
  ...["--address", containerdSocket, "--namespace", "k8s.io", "--timeout", "10s", ...args],
];
