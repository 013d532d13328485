import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { events, nodes, pods } from "@homeplane/kube";
import { expect, test } from "vitest";
import { CAPACITY, fixture, NAMESPACE, processesPrinting } from "./fixture.ts";
import { podFolders } from "./folders.ts";
import { rawFile } from "./log-files.ts";

const terminated = (pod: Awaited<ReturnType<Awaited<ReturnType<typeof fixture>>["ended"]>>) =>
  pod.status?.containerStatuses?.[0]?.state?.terminated;
const condition = (pod: { status?: { conditions?: { type: string }[] } } | undefined, type: string) =>
  pod?.status?.conditions?.find((one) => one.type === type);

test("a pod runs as a process, and its status and log are a kubelet's", async () => {
  await using kube = await fixture();
  kube.start();
  await kube.run("hello", { script: "echo out; echo err >&2; printf unfinished" });
  const pod = await kube.ended("hello");
  expect(pod.status?.phase).toBe("Succeeded");
  expect(pod.spec.nodeName).toBe("local");
  const status = pod.status?.containerStatuses?.[0];
  const state = { terminated: { exitCode: 0, reason: "Completed" } };
  expect(status).toMatchObject({ name: "main", ready: false, restartCount: 0, state });
  expect(status?.containerID).toMatch(/^process:\/\/\d+$/);
  expect(pod.status).toMatchObject({ podIP: "127.0.0.1", hostIP: "127.0.0.1" });
  expect(condition(pod, "Ready")).toMatchObject({ status: "False", reason: "PodCompleted" });
  expect((await kube.logs("hello")).split("").toSorted().join("")).toBe(
    "out\nerr\nunfinished".split("").toSorted().join(""),
  );
});

test("an exit code, a signal and the end of the log are told", async () => {
  await using kube = await fixture();
  kube.start();
  const containers = [
    {
      name: "main",
      image: "none",
      terminationMessagePolicy: "FallbackToLogsOnError" as const,
      command: ["/bin/sh", "-c", "echo why >&2; exit 3"],
    },
  ];
  await kube.run("code", { containers });
  await kube.run("signal", { script: "kill -SEGV $$$$" });
  expect(terminated(await kube.ended("code"))).toMatchObject({ exitCode: 3, reason: "Error", message: "why\n" });
  expect(terminated(await kube.ended("signal"))).toMatchObject({ exitCode: 139, signal: 11, reason: "Error" });
});

test("a program that is not there is a StartError which says where it was looked for", async () => {
  await using kube = await fixture();
  kube.start();
  await kube.run("none", { containers: [{ name: "main", image: "none", args: ["no-such-program", "x"] }] });
  const pod = await kube.ended("none");
  expect(pod.status?.phase).toBe("Failed");
  expect(terminated(pod)).toMatchObject({ exitCode: 128, reason: "StartError" });
  expect(terminated(pod)?.message).toContain('"no-such-program": executable file not found in $PATH (/usr/local/bin');
  expect(await kube.logs("none")).toBe("");
});

test("init containers run first, in order, in the folder that the pod shares; a failed one is the pod's end", async () => {
  await using kube = await fixture();
  kube.start();
  const sh = (name: string, script: string) => ({ name, image: "none", command: ["/bin/sh", "-c", script] });
  await kube.run("good", {
    initContainers: [sh("one", "echo 1 > f"), sh("two", "echo 2 >> f")],
    containers: [
      sh("main", 'cat f; [ "$HOME" = "$PWD" ] && echo home'),
      { ...sh("side", "pwd | grep -o sub/dir"), workingDir: "/../sub/dir" },
    ],
  });
  await kube.run("bad", { initContainers: [sh("one", "exit 5"), sh("two", "true")], script: "true" });
  const good = await kube.ended("good");
  expect(good.status?.phase).toBe("Succeeded");
  expect(condition(good, "Initialized")).toMatchObject({ status: "True" });
  expect(await kube.logs("good", { container: "main" })).toBe("1\n2\nhome\n");
  expect(await kube.logs("good", { container: "side" })).toBe("sub/dir\n");
  const bad = await kube.ended("bad");
  expect(bad.status?.phase).toBe("Failed");
  expect(bad.status?.initContainerStatuses?.map((one) => one.state)).toMatchObject([
    { terminated: { exitCode: 5 } },
    { waiting: { reason: "PodInitializing" } },
  ]);
});

test("a deleted pod gets SIGTERM and its grace, and is gone with its folder when its processes are", async () => {
  await using kube = await fixture();
  kube.start();
  await kube.run("polite", {
    script: "exec 2>/dev/null; trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done",
    terminationGracePeriodSeconds: 20,
  });
  await kube.until("polite", (pod) => pod?.status?.phase === "Running");
  const follower = kube.logs("polite", { follow: true });
  await kube.client.delete(pods, { namespace: NAMESPACE, name: "polite" });
  await kube.until("polite", (pod) => pod === undefined);
  expect(await follower).toMatch(/bye\n$/);
  await expect.poll(() => readdir(join(kube.folder, "pods"))).toEqual([]);
});

test("after the grace all are killed: who ignores SIGTERM, who left the session, who cleared the environment", async () => {
  await using kube = await fixture();
  kube.start();
  const script = `trap '' TERM; setsid sleep 1001 & env -i /usr/bin/setsid /bin/sleep 1001 & (sleep 1001 >/dev/null 2>&1 &) ; sleep 1001`;
  await kube.run("stubborn", { script, terminationGracePeriodSeconds: 1 });
  await kube.until("stubborn", (pod) => pod?.status?.phase === "Running");
  await expect.poll(() => processesPrinting(kube.folder)).toHaveLength(5);
  await kube.client.delete(pods, { namespace: NAMESPACE, name: "stubborn" });
  await kube.until("stubborn", (pod) => pod === undefined);
  expect(await processesPrinting(kube.folder)).toEqual([]);
});

test("what a container left running ends with it", async () => {
  await using kube = await fixture();
  kube.start();
  await kube.run("parent", { script: "setsid sleep 1002 & sleep 1002 & echo done" });
  await kube.ended("parent");
  expect(await processesPrinting(kube.folder)).toEqual([]);
  expect(await kube.logs("parent")).toBe("done\n");
});

test("activeDeadlineSeconds ends a pod as DeadlineExceeded", async () => {
  await using kube = await fixture();
  kube.start();
  await kube.run("slow", { script: "exec sleep 1003", activeDeadlineSeconds: 1 });
  expect((await kube.ended("slow")).status).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
});

test("five levels of pods that wait for one another end on one slot, and a stranger waits for its turn", async () => {
  await using kube = await fixture();
  kube.start({ capacity: { ...CAPACITY, pods: 1 } });
  const labels = (n: number) => ({
    "flyte.org/run": "r",
    "flyte.org/action": `a${n}`,
    ...(n === 0 ? {} : { "homeplane.dev/parent": `a${n - 1}` }),
  });
  for (let n = 0; n < 5; n++) {
    const child = join(kube.folder, `done-${n + 1}`);
    const script =
      n === 4
        ? `touch ${kube.folder}/done-4`
        : `until [ -e ${child} ]; do sleep 0.02; done; touch ${kube.folder}/done-${n}`;
    await kube.run(`level-${n}`, { script }, labels(n));
    await kube.until(`level-${n}`, (pod) => pod?.status?.phase !== "Pending");
    if (n > 0) continue;
    await kube.run("stranger", { script: "echo at last" });
    const waiting = await kube.until("stranger", (pod) => condition(pod, "PodScheduled") !== undefined);
    expect(waiting?.status?.phase).toBe("Pending");
    expect(condition(waiting, "PodScheduled")).toMatchObject({ status: "False", reason: "Unschedulable" });
  }
  for (let n = 0; n < 5; n++) expect((await kube.ended(`level-${n}`)).status?.phase).toBe("Succeeded");
  expect((await kube.ended("stranger")).status?.phase).toBe("Succeeded");
});

const sized = (requests: Record<string, string>, script = "exec sleep 1005") => ({
  containers: [{ name: "main", image: "none", command: ["/bin/sh", "-c", script], resources: { requests } }],
});

test("pods run side by side as far as what they request fits the node, which says what it has", async () => {
  await using kube = await fixture();
  kube.start();
  await kube.run("a", sized({ cpu: "3", memory: "100Mi" }));
  await kube.until("a", (pod) => pod?.status?.phase === "Running");
  await kube.run("b", sized({ cpu: "1500m" }, "echo b"));
  const waiting = await kube.until("b", (pod) => condition(pod, "PodScheduled") !== undefined);
  const message = "0/1 nodes are available: 1 Insufficient cpu.";
  expect(condition(waiting, "PodScheduled")).toMatchObject({ status: "False", reason: "Unschedulable", message });
  const node = await kube.client.get(nodes, { name: "local" });
  expect(node.status?.allocatable).toMatchObject({ cpu: "4", memory: "1Gi", pods: "4" });
  expect(condition(node, "Ready")).toMatchObject({ status: "True" });
  await kube.client.delete(pods, { namespace: NAMESPACE, name: "a" }, { gracePeriodSeconds: 1 });
  expect((await kube.ended("b")).status?.phase).toBe("Succeeded");
});

test("a pod that asks for more than the machine has says so, and what to do; others pass it", async () => {
  await using kube = await fixture();
  kube.start();
  await kube.run("huge", sized({ cpu: "8", memory: "2Gi" }));
  const waiting = await kube.until("huge", (pod) => condition(pod, "PodScheduled") !== undefined);
  expect(condition(waiting, "PodScheduled")).toMatchObject({
    reason: "Unschedulable",
    message:
      "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. The pod asks for 8 of cpu (this machine has 4), 2Gi of memory (this machine has 1Gi) and can never run here: ask for less, or start homeplane with larger --cpus or --memory.",
  });
  await kube.run("small", sized({ cpu: "1" }, "true"));
  expect((await kube.ended("small")).status?.phase).toBe("Succeeded");
});

test("events tell of a pod's life as a scheduler and a kubelet do", async () => {
  await using kube = await fixture();
  const stop = kube.start();
  const told = async (name: string) => {
    const { items } = await kube.client.list(events, { fieldSelector: `involvedObject.name=${name}` });
    return items.map(({ reason, message, type }) => `${type} ${reason}: ${message}`).toSorted();
  };
  await kube.run("lives", { script: "exec sleep 1011" });
  await kube.until("lives", (pod) => pod?.status?.phase === "Running");
  await kube.run("huge", sized({ cpu: "8" }));
  await kube.run("none", { containers: [{ name: "main", image: "none", args: ["no-such-program"] }] });
  await kube.ended("none");
  await kube.client.delete(pods, { namespace: NAMESPACE, name: "lives" });
  await kube.until("lives", (pod) => pod === undefined);
  await stop();
  expect(await told("lives")).toEqual([
    "Normal Killing: Stopping container main",
    `Normal Scheduled: Successfully assigned ${NAMESPACE}/lives to local`,
    "Normal Started: Started container main",
  ]);
  expect(await told("huge")).toEqual([
    expect.stringMatching(/^Warning FailedScheduling: 0\/1 nodes are available: 1 Insuff/),
  ]);
  expect((await told("none")).at(-1)).toMatch(/^Warning Failed: Error: exec: "no-such-program"/);
});

test("a secret that comes late holds the container back, and is then in its environment", async () => {
  await using kube = await fixture();
  kube.start();
  const env = [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: "late", key: "t" } } }];
  await kube.run("needs", {
    containers: [{ name: "main", image: "none", command: ["/bin/sh", "-c", "echo $TOKEN $(TOKEN)"], env }],
  });
  const reason = "CreateContainerConfigError";
  await kube.until("needs", (pod) => pod?.status?.containerStatuses?.[0]?.state?.waiting?.reason === reason);
  await kube.secret("late", { t: "s3cret" });
  await kube.ended("needs");
  expect(await kube.logs("needs")).toBe("s3cret s3cret\n");
});

test("an orderly stop ends the pods, and their status says that the node did it", async () => {
  await using kube = await fixture();
  const stop = kube.start();
  await kube.run("cut", { script: "exec sleep 1004" });
  await kube.until("cut", (pod) => pod?.status?.phase === "Running");
  await stop();
  const pod = await kube.ended("cut");
  expect(pod.status).toMatchObject({ phase: "Failed", reason: "NodeShutdown" });
  expect(terminated(pod)).toMatchObject({ exitCode: 143, signal: 15 });
  expect(condition(pod, "DisruptionTarget")).toMatchObject({ status: "True", reason: "TerminationByKubelet" });
  expect(await processesPrinting(kube.folder)).toEqual([]);
});

test("many short pods one after another leave no files, no descriptors and no pods in memory", async () => {
  await using kube = await fixture();
  kube.start({ capacity: { ...CAPACITY, pods: 8 } });
  const round = async (from: number, to: number): Promise<number> => {
    for (let n = from; n < to; n += 10) {
      const names = Array.from({ length: 10 }, (_, k) => `short-${n + k}`);
      for (const name of names) await kube.run(name, { script: "echo x" });
      for (const name of names) await kube.ended(name);
      for (const name of names) await kube.client.delete(pods, { namespace: NAMESPACE, name });
    }
    await expect.poll(() => readdir(join(kube.folder, "pods"))).toEqual([]);
    return (await readdir("/proc/self/fd")).length;
  };
  const before = await round(0, 20);
  expect(await round(20, 60)).toBeLessThanOrEqual(before + 2);
});

test("a finalizer keeps an ended pod, its final status and its log until it is taken away", async () => {
  await using kube = await fixture();
  kube.start();
  const name = { namespace: NAMESPACE, name: "held" };
  await kube.run("held", { script: "echo kept; exec sleep 1007" });
  const finalizers = { metadata: { finalizers: ["test.dev/logs"] } };
  await kube.client.patch(pods, name, finalizers);
  await kube.until("held", (pod) => pod?.status?.phase === "Running");
  await kube.client.delete(pods, name);
  await kube.until("held", (pod) => pod?.metadata.deletionGracePeriodSeconds === 0);
  expect(terminated(await kube.ended("held"))).toMatchObject({ exitCode: 143, signal: 15 });
  expect(await kube.logs("held", { follow: true })).toBe("kept\n");
  await kube.client.patch(pods, name, { metadata: { finalizers: null } });
  await kube.until("held", (pod) => pod === undefined);
  await expect.poll(() => readdir(join(kube.folder, "pods"))).toEqual([]);
});

test("pods that go away while the runtime still tidies up at its start take their folders with them", async () => {
  await using kube = await fixture();
  const stop = kube.start();
  const names = ["kept", "gone-0", "gone-1", "gone-2"];
  for (const name of names) await kube.run(name, { script: "echo x" });
  const uids = new Map<string, string>();
  for (const name of names) uids.set(name, (await kube.ended(name)).metadata.uid ?? "");
  await stop();
  const folders = join(kube.folder, "pods");
  expect((await readdir(folders)).toSorted()).toEqual([...uids.values()].toSorted());
  // Work for the tidying: it must last longer than the news that the pods are gone takes.
  const kept = uids.get("kept") ?? "";
  const raw = Array.from({ length: 300 }, (_, n) => podFolders(kube.folder, kept).log(`c${n}`));
  for (const folder of raw) {
    await mkdir(folder);
    await writeFile(rawFile(folder, "stdout"), "");
  }
  let gone = 0;
  const client = kube.clientAfter(async ({ path }) => {
    if (!path.includes("watch=") || gone > 0) return;
    // The list, with all of them, has been read; the watch starts with their end.
    for (const name of names.slice(1)) {
      gone++;
      await kube.client.delete(pods, { namespace: NAMESPACE, name }, { gracePeriodSeconds: 0 });
    }
  });
  kube.start({ client });
  await expect.poll(() => readdir(folders), { timeout: 5000 }).toEqual([kept]);
  expect(gone).toBe(3);
});
