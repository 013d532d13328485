import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { configMaps, type Container, type PodSpec, type Volume } from "@homeplane/kube";
import { describe, expect, test } from "vitest";
import { type Fixture, fixture, NAMESPACE, processesPrinting } from "./fixture.ts";
import { podFolders } from "./folders.ts";
import { findOnPath, privateMounts } from "../testing/private-mounts.ts";

const python = findOnPath("python3");
const permitted = python !== undefined && privateMounts(python);
const folder = "/etc/homeplane-test/secrets";

const main = (script: string, more: Partial<Container> = {}): Container => ({
  name: "main",
  image: "none",
  command: ["/bin/sh", "-c", script],
  ...more,
});
const start = (kube: Fixture) => kube.start({ ...(python && { python }) });
const terminated = (pod: Awaited<ReturnType<Fixture["ended"]>>) =>
  pod.status?.containerStatuses?.[0]?.state?.terminated;
const mounted = (name: string, mountPath: string, more = {}) => ({ volumeMounts: [{ name, mountPath, ...more }] });

async function outputOf(kube: Fixture, name: string, spec: Partial<PodSpec>): Promise<string> {
  await kube.run(name, spec);
  const pod = await kube.ended(name);
  const log = await kube.logs(name);
  expect(terminated(pod), log).toMatchObject({ exitCode: 0 });
  return log;
}

describe.skipIf(!permitted)("volumes at paths that only the pod sees", () => {
  test("a secret's files are at their path, for their owner alone, and nowhere else", async () => {
    await using kube = await fixture();
    start(kube);
    await kube.secret("s", { token: "hidden-value-1c9e", other: "x" });
    const volumes: Volume[] = [
      { name: "v", secret: { secretName: "s", defaultMode: 0o440, items: [{ key: "token", path: "sub/token" }] } },
    ];
    const containers = [
      main(
        `cd ${folder}; find . -type f -printf '%p %m '; cat sub/token; echo; (echo x > new) 2>/dev/null || echo read-only`,
        {
          ...mounted("v", folder, { readOnly: true }),
        },
      ),
    ];
    const lines = (await outputOf(kube, "p", { volumes, containers })).split("\n");
    expect(lines[0]).toBe("./sub/token 400 hidden-value-1c9e");
    expect(lines).toContain("read-only");
    expect(existsSync(folder)).toBe(false);
    expect(existsSync("/etc/homeplane-test")).toBe(false);
  });

  test("while it runs, a secret is in no file of the disk, no argument and nobody else's view", async () => {
    await using kube = await fixture();
    start(kube);
    await kube.secret("s", { token: "hidden-value-1c9e" });
    const volumes: Volume[] = [{ name: "v", secret: { secretName: "s" } }];
    const script = `cat ${folder}/token >/dev/null && echo ready; sleep 60`;
    await kube.run("p", { volumes, containers: [main(script, mounted("v", folder))] });
    await expect.poll(() => kube.logs("p").catch(() => ""), { timeout: 10_000 }).toBe("ready\n");
    expect(existsSync(folder)).toBe(false);
    const entries = await readdir(join(kube.folder, "pods"), { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((one) => one.isFile()))
      expect(await readFile(join(entry.parentPath, entry.name), "latin1")).not.toContain("hidden-value");
    for (const pid of await processesPrinting(kube.folder)) {
      expect(readFileSync(`/proc/${pid}/cmdline`, "latin1")).not.toContain("hidden-value");
      expect(readFileSync(`/proc/${pid}/environ`, "latin1")).not.toContain("hidden-value");
    }
  });

  test("SIGTERM reaches the program itself, exit codes and signals are its own, and no process is left", async () => {
    await using kube = await fixture();
    start(kube);
    await kube.secret("s", { k: "v" });
    const volumes: Volume[] = [{ name: "v", secret: { secretName: "s" } }];
    const pod = (script: string): Partial<PodSpec> => ({ volumes, containers: [main(script, mounted("v", folder))] });
    await kube.run("code", pod("exit 7"));
    await kube.run("signal", pod("kill -SEGV $$$$"));
    expect(terminated(await kube.ended("code"))).toMatchObject({ exitCode: 7 });
    expect(terminated(await kube.ended("signal"))).toMatchObject({ exitCode: 139, signal: 11 });
    await kube.run("term", pod("trap 'echo caught; exit 3' TERM; echo ready; sleep 300 & wait"));
    await expect.poll(() => kube.logs("term").catch(() => ""), { timeout: 10_000 }).toBe("ready\n");
    const running = await kube.until("term", (one) => one?.status?.phase === "Running");
    const pid = Number(/\d+$/.exec(running?.status?.containerStatuses?.[0]?.containerID ?? "")?.[0]);
    expect(readFileSync(`/proc/${pid}/cmdline`, "latin1")).toContain("/bin/sh");
    process.kill(pid, "SIGTERM");
    expect(terminated(await kube.ended("term"))).toMatchObject({ exitCode: 3 });
    expect(await kube.logs("term")).toBe("ready\ncaught\n");
    expect(await processesPrinting(kube.folder)).toEqual([]);
  });

  test("the program gets the environment, arguments and signal handling that it has without mounts", async () => {
    await using kube = await fixture();
    start(kube);
    const script = `tr '\\0' '\\n' < /proc/self/environ | grep -v -e ^HOME -e ^HOSTNAME -e ^PWD -e ^_= | sort; cat /proc/self/cmdline | tr '\\0' ' '; grep -e SigIgn -e SigBlk /proc/self/status; ls /proc/self/fd | wc -l`;
    const plain = await outputOf(kube, "plain", { containers: [main(script)] });
    const volumes: Volume[] = [{ name: "v", emptyDir: {} }];
    const withMounts = await outputOf(kube, "mounts", {
      volumes,
      containers: [main(script, mounted("v", "/homeplane-test"))],
    });
    const own = (text: string) => text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<uid>");
    expect(own(withMounts)).toBe(own(plain));
  });

  test("an emptyDir is one folder for all containers of the pod, at a path of each one's choice, and goes with the pod", async () => {
    await using kube = await fixture();
    start(kube);
    const volumes: Volume[] = [{ name: "shared", emptyDir: { sizeLimit: "1Mi" } }];
    const initContainers = [
      {
        ...main("echo from-init > /data-homeplane-test/file"),
        name: "init",
        ...mounted("shared", "/data-homeplane-test"),
      },
    ];
    const containers = [
      main("cat file; pwd; ls -d /usr /etc/passwd", {
        ...mounted("shared", "/var/homeplane-test"),
        workingDir: "/var/homeplane-test",
      }),
    ];
    const log = await outputOf(kube, "p", { volumes, initContainers, containers });
    expect(log).toBe("from-init\n/var/homeplane-test\n/etc/passwd\n/usr\n");
    const pod = await kube.ended("p");
    const folders = podFolders(kube.folder, pod.metadata.uid ?? "");
    expect(readdirSync(folders.root).toSorted()).toEqual(["log", "work"]);
  });

  test("configMap, projected sources and the downward API are files, a subPath one of them", async () => {
    await using kube = await fixture();
    start(kube);
    await kube.secret("s", { password: "pw" });
    await kube.client.create(configMaps, {
      ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: NAMESPACE, name: "c" } },
      data: { "app.ini": "level=1" },
      binaryData: { raw: Buffer.from([1, 2]).toString("base64") },
    });
    const volumes: Volume[] = [
      { name: "config", configMap: { name: "c" } },
      {
        name: "all",
        projected: {
          sources: [
            { secret: { name: "s" } },
            { configMap: { name: "c", items: [{ key: "app.ini", path: "conf/app" }] } },
            { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
            { serviceAccountToken: { path: "token", audience: "homeplane" } },
          ],
        },
      },
    ];
    const volumeMounts = [
      { name: "config", mountPath: "/homeplane-test/config" },
      { name: "config", mountPath: "/homeplane-test/one.ini", subPath: "app.ini" },
      { name: "all", mountPath: "/homeplane-test/all" },
    ];
    const script =
      "cd /homeplane-test; cat config/app.ini one.ini; echo; wc -c < config/raw; cat all/password all/conf/app; echo; cat all/labels; echo; cut -c1-3 all/token";
    await kube.run("p", { volumes, containers: [main(script, { volumeMounts })] }, { tier: "x" });
    await kube.ended("p");
    expect(await kube.logs("p")).toBe('level=1level=1\n2\npwlevel=1\ntier="x"\neyJ\n');
  });

  test("a mount inside a folder that exists leaves what is in it, also a file in the place of another", async () => {
    await using kube = await fixture();
    start(kube);
    const existing = join(kube.folder, "existing");
    await mkdir(existing);
    await writeFile(join(existing, "kept"), "kept\n");
    await writeFile(join(existing, "replaced"), "before\n");
    await kube.secret("s", { k: "secret\n" });
    const volumes: Volume[] = [{ name: "v", secret: { secretName: "s" } }];
    const volumeMounts = [
      { name: "v", mountPath: join(existing, "deep/er") },
      { name: "v", mountPath: join(existing, "replaced"), subPath: "k" },
    ];
    const script = `cd ${existing}; cat kept replaced deep/er/k; echo changed > kept`;
    expect(await outputOf(kube, "p", { volumes, containers: [main(script, { volumeMounts })] })).toBe(
      "kept\nsecret\nsecret\n",
    );
    expect(await readdir(existing)).toEqual(["kept", "replaced"]);
    expect(await readFile(join(existing, "kept"), "utf8")).toBe("changed\n");
    expect(await readFile(join(existing, "replaced"), "utf8")).toBe("before\n");
  });

  test("a program in a volume is found; one that can not be executed is a StartError", async () => {
    await using kube = await fixture();
    start(kube);
    const volumes: Volume[] = [{ name: "v", emptyDir: {} }];
    const mount = mounted("v", "/homeplane-test");
    const make = "printf '#!/bin/sh\\necho it ran\\n' > /homeplane-test/run; chmod +x /homeplane-test/run";
    const initContainers = [{ ...main(make), name: "init", ...mount }];
    const run = (command: string[]) => [{ name: "main", image: "none", command, ...mount }];
    expect(await outputOf(kube, "p", { volumes, initContainers, containers: run(["/homeplane-test/run"]) })).toBe(
      "it ran\n",
    );
    await kube.run("none", { volumes, containers: run(["/homeplane-test/nothing"]) });
    expect(terminated(await kube.ended("none"))).toMatchObject({
      exitCode: 128,
      reason: "StartError",
      message: expect.stringContaining("No such file") as unknown,
    });
  });

  test("the processes of a pod with mounts are found by a later start, and ended", async () => {
    await using kube = await fixture();
    start(kube);
    await kube.secret("s", { k: "v" });
    const volumes: Volume[] = [
      { name: "v", secret: { secretName: "s" } },
      { name: "e", emptyDir: {} },
    ];
    const volumeMounts = [
      { name: "v", mountPath: folder },
      { name: "e", mountPath: "/homeplane-test" },
    ];
    const script = "echo data > /homeplane-test/file; echo ready; trap '' TERM; sleep 300";
    await kube.run("p", { volumes, containers: [main(script, { volumeMounts })] });
    await expect.poll(() => kube.logs("p").catch(() => ""), { timeout: 10_000 }).toBe("ready\n");
    expect((await processesPrinting(kube.folder)).length).toBeGreaterThan(0);
    const again = start(kube);
    await expect.poll(() => processesPrinting(kube.folder), { timeout: 10_000 }).toEqual([]);
    await again();
  });
});

describe("what a volume needs and can not be given", () => {
  const waiting = async (kube: Fixture, name: string): Promise<string> => {
    const pod = await kube.until(name, (one) => {
      const state = one?.status?.containerStatuses?.[0]?.state;
      return state?.waiting?.reason === "CreateContainerConfigError";
    });
    return pod?.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "";
  };

  test.each<[string, Volume, string, string]>([
    ["a missing secret", { name: "v", secret: { secretName: "none" } }, "/x", 'volume v: secret "none" not found'],
    [
      "a missing key",
      { name: "v", secret: { secretName: "s", items: [{ key: "q", path: "q" }] } },
      "/x",
      'key "q" of secret "s" not found',
    ],
    [
      "a path that climbs",
      { name: "v", secret: { secretName: "s", items: [{ key: "k", path: "../q" }] } },
      "/x",
      '"../q" is no path below the volume',
    ],
    ["another kind", { name: "v", hostPath: { path: "/etc" } }, "/x", "volume v: hostPath is not supported"],
    ["a mount over everything", { name: "v", emptyDir: {} }, "/", "would hide"],
  ])("%s is said, and nothing runs", async (_, volume, mountPath, message) => {
    await using kube = await fixture();
    start(kube);
    await kube.secret("s", { k: "v" });
    await kube.run("p", { volumes: [volume], containers: [main("echo ran", mounted("v", mountPath))] });
    expect(await waiting(kube, "p")).toContain(message);
    expect(await kube.logs("p").catch(() => "")).toBe("");
  });

  test("a secret that comes later is waited for", async () => {
    await using kube = await fixture();
    start(kube);
    await kube.run("p", { containers: [main("echo $X", { envFrom: [{ secretRef: { name: "late" } }] })] });
    expect(await waiting(kube, "p")).toBe('envFrom: secret "late" not found');
    await kube.secret("late", { X: "came" });
    await kube.ended("p");
    expect(await kube.logs("p")).toBe("came\n");
  });

  test("where no view of its own is permitted, a secret as a file is refused with the way out", async () => {
    await using kube = await fixture();
    kube.start();
    await kube.secret("s", { k: "v" });
    const volumes: Volume[] = [{ name: "v", secret: { secretName: "s" } }];
    await kube.run("p", { volumes, containers: [main("echo ran", mounted("v", folder))] });
    expect(await waiting(kube, "p")).toMatch(
      /files of its own at \/etc\/homeplane-test\/secrets .*Python.*Ask for secrets as environment variables/,
    );
  });

  test("there an emptyDir at the working folder works all the same", async () => {
    await using kube = await fixture();
    kube.start();
    const volumes: Volume[] = [{ name: "code", emptyDir: {} }];
    const mount = mounted("code", "/homeplane-test");
    const initContainers = [{ ...main("echo bundle > file"), name: "init", ...mount, workingDir: "/homeplane-test" }];
    const containers = [main("cat ../file", { ...mount, workingDir: "/homeplane-test/sub" })];
    expect(await outputOf(kube, "p", { volumes, initContainers, containers })).toBe("bundle\n");
  });
});
