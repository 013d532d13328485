import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@homeplane/runtime-kit";
import { describe, expect, test } from "vitest";
import { openCgroups } from "./cgroups.ts";
import { fixture, processesPrinting } from "./fixture.ts";
import { inCgroup } from "./join-cgroup.ts";
import { allPids, textOf } from "./process-stat.ts";

const terminated = (pod: Awaited<ReturnType<Awaited<ReturnType<typeof fixture>>["ended"]>>) =>
  pod.status?.containerStatuses?.[0]?.state?.terminated;
const cmdline = (pid: number): string => textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
const running = (line: string): readonly number[] => allPids().filter((pid) => cmdline(pid) === line);

/** Tests of other checkouts may run at the same time: each has times of its own to sleep. */
const mine = 1_000_000 + process.pid * 10;

/** Gives up environment, session and output, and its parent as well: nothing of its own says whose it is. */
const hide = (seconds: number): string => `(setsid env -i sleep ${seconds} </dev/null >/dev/null 2>&1 &)`;

const probe = await mkdtemp(join(tmpdir(), "homeplane-cgroups-"));
const owned = await openCgroups(probe, "0", systemClock);
await owned?.close();
await rm(probe, { recursive: true });
const ways = [
  ...(owned === undefined ? [] : [["with cgroups", true] as const]),
  ["without cgroups, as for users who may make none", false] as const,
];

describe.each(ways)("%s", (_label, cgroups) => {
  test("a container that takes more memory than its limit is killed as OOMKilled, with what it took", async () => {
    await using kube = await fixture();
    kube.start({ cgroups });
    const hog = "import time\nx = []\nwhile True:\n  x.append(bytearray(b'x' * (8 << 20))); time.sleep(0.02)";
    // A child of the container's first process takes it: all of them count, and all go.
    const command = ["/bin/sh", "-c", 'python3 -c "$0"; echo survived', hog];
    const resources = { requests: { memory: "10Mi" }, limits: { memory: "100Mi" } };
    await kube.run("hog", { containers: [{ name: "main", image: "none", command, resources }] });
    const pod = await kube.ended("hog");
    expect(terminated(pod)).toMatchObject({ exitCode: 137, signal: 9, reason: "OOMKilled" });
    expect(terminated(pod)?.message).toMatch(/^its processes used 1\d\d MiB of memory, the limit is 100 MiB\n$/);
    expect(await kube.logs("hog")).toBe("");
    expect(await processesPrinting(kube.folder)).toEqual([]);
  });

  test("memory that forked processes share is counted once", async () => {
    await using kube = await fixture();
    kube.start({ cgroups });
    const share =
      "import os, time\nx = b'x' * (60 << 20)\nfor _ in range(4):\n  if os.fork() == 0: break\ntime.sleep(1)";
    const resources = { limits: { memory: "120Mi" } };
    const command = ["python3", "-c", share];
    await kube.run("shares", { containers: [{ name: "main", image: "none", command, resources }] });
    expect(terminated(await kube.ended("shares"))).toMatchObject({ exitCode: 0, reason: "Completed" });
  });

  test("a child that gave up environment, session and output ends with its container all the same", async () => {
    await using kube = await fixture();
    kube.start({ cgroups });
    // Without cgroups its parents must live long enough to be seen.
    const seconds = cgroups ? mine + 1 : mine + 2;
    const script = cgroups ? hide(seconds) : `setsid env -i sleep ${seconds} </dev/null >/dev/null 2>&1 & sleep 1`;
    await kube.run("hides", { script: `${script}; echo done` });
    expect((await kube.ended("hides")).status?.phase).toBe("Succeeded");
    await expect.poll(() => running(`sleep ${seconds}`), { timeout: 2000 }).toEqual([]);
  });
});

test.skipIf(owned === undefined)(
  "with cgroups, who hides from a killed homeplane is ended by the next start",
  async () => {
    await using kube = await fixture();
    const cgroup = await (await openCgroups(kube.folder, "ab12", systemClock))?.open("pod_main");
    if (cgroup === undefined) throw new Error("no cgroup");
    const program = { file: "/bin/sh", argv0: "sh", args: ["-c", hide(mine + 3)] };
    const { file, args } = inCgroup(program, {}, cgroup) ?? program;
    const [code] = await once(spawn(file, args, { env: {}, stdio: "ignore" }), "exit");
    expect(code).toBe(0);
    await expect.poll(() => running(`sleep ${mine + 3}`)).toHaveLength(1);
    kube.start();
    await expect.poll(() => running(`sleep ${mine + 3}`), { timeout: 5000 }).toEqual([]);
  },
);

test.skipIf(owned === undefined)(
  "with cgroups, a variable that a shell would not hand on reaches the program",
  async () => {
    await using kube = await fixture();
    kube.start();
    const env = [{ name: "a.b-c", value: "kept" }];
    const containers = [{ name: "main", image: "none", command: ["/usr/bin/env"], env }];
    await kube.run("odd", { containers });
    await kube.run("plain", { containers: [{ name: "main", image: "none", command: ["/usr/bin/env"] }] });
    await kube.ended("odd");
    await kube.ended("plain");
    expect(await kube.logs("odd")).toContain("a.b-c=kept\n");
    expect(await kube.logs("plain")).not.toContain("PWD=");
  },
);
