import { events } from "@homeplane/kube";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { fixture, NAMESPACE } from "./fixture.ts";
import { PodEvents } from "./pod-events.ts";
import { podView } from "./pod-view.ts";

test("what is told again counts up, also when its event was removed meanwhile", async () => {
  await using kube = await fixture();
  const pod = podView(await kube.run("p", {}));
  const recorder = new PodEvents({ client: kube.client, nodeName: "local", clock: systemClock, log: silentLogger });
  const seen = async () => {
    const { items } = await kube.client.list(events, { namespace: NAMESPACE });
    return items.map(({ reason, count }) => `${reason} ${count}`).toSorted();
  };
  const tell = (message: string) => recorder.record(pod, { type: "Warning", reason: "Failed", message });
  tell("a");
  await expect.poll(seen).toEqual(["Failed 1"]);
  tell("a");
  tell("b");
  await expect.poll(seen).toEqual(["Failed 1", "Failed 2"]);
  const { items } = await kube.client.list(events, { namespace: NAMESPACE });
  for (const { metadata } of items) await kube.client.delete(events, metadata);
  tell("a");
  await expect.poll(seen).toEqual(["Failed 1"]);
  await recorder.close(1000);
});
