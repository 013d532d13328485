import { expect, test } from "vitest";
import { fixture } from "./fixture.ts";

test("a pod runs as a process, and its status and log are a kubelet's", async () => {
  await using kube = await fixture();
  kube.start();
  await kube.run("hello", { script: "echo out; echo err >&2; printf unfinished" });
  const pod = await kube.ended("hello");
  expect(pod.status?.phase).toBe("Succeeded");
  const status = pod.status?.containerStatuses?.[0];
  expect(status).toMatchObject({
    name: "main",
    ready: false,
    restartCount: 0,
    state: { terminated: { exitCode: 0, reason: "Completed" } },
  });
  expect(status?.containerID).toMatch(/^process:\/\/\d+$/);
  expect(pod.status).toMatchObject({ podIP: "127.0.0.1", hostIP: "127.0.0.1" });
  expect(await kube.logs("hello")).toBe("out\nerr\nunfinished");
});
