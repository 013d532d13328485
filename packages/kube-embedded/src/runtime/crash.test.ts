import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, open, readdir, readFile } from "node:fs/promises";
import { pods } from "@homeplane/kube";
import { expect, test } from "vitest";
import { MARK_NODE } from "./container-env.ts";
import { type Fixture, fixture, NAMESPACE, processesPrinting } from "./fixture.ts";
import { nodeMark, podFolders } from "./folders.ts";
import { rawFile } from "./log-files.ts";

/** What a killed homeplane leaves: a process that is still printing, its raw files, and a pod that is Running in the API. */
async function leaveBehind(kube: Fixture, name: string): Promise<void> {
  const pod = await kube.run(name, { script: "never looked at" });
  const folder = podFolders(kube.folder, pod.metadata.uid ?? "").log("main");
  await mkdir(folder, { recursive: true });
  await appendFile(rawFile(folder, "stderr"), "");
  const out = await open(rawFile(folder, "stdout"), "a");
  const env = { PATH: "/usr/bin:/bin", [MARK_NODE]: nodeMark(kube.folder) };
  const script = "trap '' TERM; echo printed after the crash; exec sleep 1005";
  const child = spawn("/bin/sh", ["-c", script], { env, detached: true, stdio: ["ignore", out.fd, out.fd] });
  await once(child, "spawn");
  await out.close();
  child.unref();
  await expect.poll(async () => (await readFile(rawFile(folder, "stdout"))).length).toBeGreaterThan(0);
  const volume = podFolders(kube.folder, pod.metadata.uid ?? "").volume("data");
  await mkdir(volume, { recursive: true });
  await appendFile(`${volume}/file`, "left behind");
  const startedAt = "2026-01-01T00:00:00Z";
  const main = {
    name: "main",
    image: "none",
    imageID: "",
    ready: true,
    started: true,
    restartCount: 0,
    containerID: "process://1",
  };
  const status = {
    phase: "Running",
    startTime: startedAt,
    containerStatuses: [{ ...main, state: { running: { startedAt } } }],
  };
  await kube.client.patch(pods, { namespace: NAMESPACE, name }, { status }, { subresource: "status" });
}

test("after a crash survivors are ended, their pods fail as the node's fault, what they printed is kept, their volumes are not", async () => {
  await using kube = await fixture();
  await leaveBehind(kube, "survivor");
  expect(await processesPrinting(kube.folder)).toHaveLength(1);
  kube.start();
  const pod = await kube.ended("survivor");
  expect(await processesPrinting(kube.folder)).toEqual([]);
  expect(pod.status).toMatchObject({ phase: "Failed", reason: "NodeShutdown" });
  expect(pod.status?.containerStatuses?.[0]).toMatchObject({
    ready: false,
    state: { terminated: { exitCode: 137, reason: "Error" } },
  });
  const target = pod.status?.conditions?.find((one) => one.type === "DisruptionTarget");
  expect(target).toMatchObject({ status: "True", reason: "DeletionByPodGC" });
  expect(await kube.logs("survivor")).toBe("printed after the crash\n");
  expect(await readdir(podFolders(kube.folder, pod.metadata.uid ?? "").root)).toEqual(["log"]);
});

test("a process without our marks is not touched, and a pod that was pending just starts", async () => {
  await using kube = await fixture();
  const stranger = spawn("sleep", ["1006"], { stdio: "ignore" });
  await kube.run("pending", { script: "echo started" });
  kube.start();
  expect((await kube.ended("pending")).status?.phase).toBe("Succeeded");
  expect(stranger.exitCode).toBeNull();
  expect(stranger.signalCode).toBeNull();
  stranger.kill("SIGKILL");
  await once(stranger, "exit");
});
