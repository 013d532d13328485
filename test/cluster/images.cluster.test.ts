/** The images on a real node: pulled from its registry by digest, run as restricted pods. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { imageCacheFolder } from "../../scripts/images/cache.ts";
import { homeplaneImage } from "../../scripts/images/homeplane.ts";
import type { Contents, Image, Settings } from "../../scripts/images/image.ts";
import { run } from "./bootstrap/run.ts";
import { builtImages } from "./built-images.ts";
import { type ClusterEnvironment, realCluster } from "./real-cluster.ts";

const namespace = "images-test";
const root = join(import.meta.dirname, "../..");
const shells = /(?:^|\/)(?:sh|bash|dash|busybox|ash|apt|dpkg|perl|python3?)$/;

describe("the images on a node", { timeout: 180_000 }, () => {
  let cluster: ClusterEnvironment;
  let references: Readonly<Record<string, string>>;

  const kubectl = (...args: string[]): Promise<string> =>
    run(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, "-n", namespace, ...args]);

  /** Runs a pod to its end in a namespace that admits restricted ones only; resolves with its log. */
  async function ran(
    name: string,
    image: string,
    args: readonly string[],
    pod = {},
    readOnlyRootFilesystem = false,
  ): Promise<string> {
    const securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem,
    };
    const spec = {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" }, ...pod },
      containers: [
        { name: "main", image, args, securityContext, resources: { limits: { cpu: "500m", memory: "300Mi" } } },
      ],
    };
    const object = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec };
    await run(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, "create", "-f", "-"], {
      input: JSON.stringify(object),
    });
    const ended = "jsonpath={.status.containerStatuses[0].state.terminated}";
    await kubectl("wait", `pod/${name}`, `--for=${ended}`, "--timeout=150s");
    const { exitCode } = JSON.parse(await kubectl("get", "pod", name, "-o", ended)) as { exitCode: number };
    const log = await kubectl("logs", name);
    expect({ exitCode, log }).toMatchObject({ exitCode: 0 });
    return log;
  }

  beforeAll(async () => {
    cluster = await realCluster();
    references = await builtImages(cluster);
    await kubectl("delete", "namespace", namespace, "--ignore-not-found");
    await kubectl("create", "namespace", namespace);
    await kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted");
  }, 3_000_000);
  afterAll(() => kubectl("delete", "namespace", namespace, "--wait=false"));

  test("homeplane runs as the numeric user that it names, on a root file system that it can not write to", async () => {
    const log = await ran("homeplane", references["homeplane"] ?? "", ["version"], {}, true);
    expect(log).toContain(`homeplane ${manifest.version}\nnode ${process.versions.node}\n`);
  });

  test("homeplane runs as any other user too, as init container of a task's pod", async () => {
    expect(await ran("other-user", references["homeplane"] ?? "", ["--version"], { runAsUser: 1000 }, true)).toBe(
      `${manifest.version}\n`,
    );
  });

  test.each(["2.12.1", "2.5.8"])(
    "the default image of flyte %s is pulled by its own name, and has what a task needs",
    async (version) => {
      const script =
        "set -e; id -u; pwd; touch written; tar --version | head -1; command -v a0; a0 --help >/dev/null; python -c 'import flyte; print(flyte.__version__)'";
      const image = `ghcr.io/flyteorg/flyte:py3.11-v${version}`;
      const name = `task-${version.replaceAll(".", "-")}`;
      const lines = (await ran(name, image, ["sh", "-c", script], { runAsUser: 1000 })).trim().split("\n");
      expect(lines).toEqual([
        "1000",
        "/home/flyte",
        expect.stringMatching(/^tar \(GNU tar\)/),
        "/opt/venv/bin/a0",
        version,
      ]);
      const pulled = await kubectl("get", "pod", name, "-o", "jsonpath={.status.containerStatuses[0].imageID}");
      expect(pulled).toContain(references[`task-${version}`]?.split("@")[1]);
    },
  );
});

describe("the image homeplane", { timeout: 600_000 }, () => {
  const cache = { folder: imageCacheFolder(process.env), say: () => undefined };
  let image: Image;
  beforeAll(async () => {
    image = await homeplaneImage(cache, root, manifest.version);
  }, 600_000);

  const blob = (digest: string): { bytes: Buffer } | { file: string } => {
    const found = [...image.blobs, ...image.manifests].find((each) => each.digest === digest);
    if (found === undefined) throw new Error(`no blob ${digest}`);
    return found;
  };
  const json = (digest: string): unknown => {
    const found = blob(digest);
    if ("file" in found) throw new Error(`${digest} is a layer`);
    return JSON.parse(found.bytes.toString());
  };
  const layersOf = ({ manifest: { digest } }: Contents): readonly string[] =>
    (json(digest) as { layers: { digest: string }[] }).layers.map((layer) => {
      const found = blob(layer.digest);
      if ("bytes" in found) throw new Error(`${layer.digest} is not a file`);
      return found.file;
    });
  const tar = (...args: string[]): Buffer => execFileSync("tar", args, { maxBuffer: 256e6 });

  test("is one name for amd64 and arm64", () => {
    expect(image.contents.map(({ manifest: { platform } }) => platform?.architecture)).toEqual(["amd64", "arm64"]);
  });

  test("has no shell, no package manager and nothing that gains rights, and unpacks to less than 200 MB", () => {
    for (const contents of image.contents) {
      const lines = layersOf(contents).flatMap((file) => tar("-tvzf", file).toString().trim().split("\n"));
      const entries = lines.map((line) => {
        const [mode = "", , size, , , path = ""] = line.split(/\s+/);
        return { mode, size: Number(size), path };
      });
      expect(entries.length).toBeGreaterThan(300);
      expect(entries.filter(({ path }) => shells.test(path))).toEqual([]);
      expect(entries.filter(({ mode }) => /^.(?:..[sS]|.....[sS])/.test(mode))).toEqual([]);
      expect(entries.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(200e6);
    }
  });

  test("names a numeric user that is not root, and its entry point", () => {
    for (const { manifest: own } of image.contents) {
      const { config } = json(own.digest) as { config: { digest: string } };
      const settings = (json(config.digest) as { config: Settings }).config;
      expect(settings).toMatchObject({ User: "65532:65532", Entrypoint: ["homeplane"] });
    }
  });

  // ELF: e_machine is at byte 18; 62 is x86-64, 183 is AArch64.
  test.each([
    ["amd64", 62],
    ["arm64", 183],
  ])("has programs and libraries for %s in the image of that name", (architecture, machine) => {
    const contents = image.contents.find((each) => each.manifest.platform?.architecture === architecture);
    const [base = "", node = ""] = contents === undefined ? [] : layersOf(contents);
    const libc = tar("-xOzf", base, "--wildcards", "./lib/*-linux-gnu/libc.so.6");
    for (const elf of [tar("-xOzf", node, "./usr/local/bin/node"), libc]) {
      expect([elf.subarray(1, 4).toString(), elf.readUInt16LE(18)]).toEqual(["ELF", machine]);
    }
  });

  test("packed anew from nothing, it has the same digest", async () => {
    const again = async (): Promise<Image> => {
      const folder = await mkdtemp(join(tmpdir(), "homeplane-images-"));
      try {
        return await homeplaneImage({ ...cache, folder }, root, manifest.version);
      } finally {
        await rm(folder, { recursive: true });
      }
    };
    const packages = ({ contents }: Image): unknown => contents.map((each) => each.packages);
    const second = await again();
    // Debian may have moved on since the first was packed.
    const first = JSON.stringify(packages(second)) === JSON.stringify(packages(image)) ? image : await again();
    expect(second.root.digest).toBe(first.root.digest);
  });
});
