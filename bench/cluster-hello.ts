/**
 * Hello world in a pod of the test cluster, with Homeplane installed by helm: CreateRun to the pod's creation (budget 30 ms), the end of the task's container to
 * the client's knowing (300 ms), CreateRun to the client's knowing the end (2.0 s), the init container that fetches the code (150 ms). The client is this
 * process, over `kubectl port-forward`; the pod's creation is when a watch of ours tells of it.
 */
import { setTimeout as wait } from "node:timers/promises";
import { type Pod, pods } from "@homeplane/kube";
import { ended, start, watch } from "./clients.ts";
import { helloSpec, namespace, onCluster, podsOf } from "./cluster.ts";
import { containerTimes } from "./container-times.ts";
import { figure, print } from "./measure.ts";

const rounds = Number(process.argv[2] ?? 15);
const pauseMs = 2_000;

const idOf = (pod: Pod, of: "containerStatuses" | "initContainerStatuses"): string =>
  pod.status?.[of]?.[0]?.containerID ?? "";

print(
  await onCluster(async (on) => {
    using times = await containerTimes();
    const { spec, inputUri } = await helloSpec(on);
    const stop = new AbortController();
    const seen = new Map<string, number>();
    const watching = (async () => {
      for await (const { type, object } of on.clients.kube.watch(pods, { namespace, signal: stop.signal })) {
        if (type === "ADDED") seen.set(object.metadata.labels?.["flyte.org/run"] ?? "", Date.now());
      }
    })().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    const samples: Record<"pod" | "scheduled" | "known" | "hello" | "init" | "initAll" | "main", number[]> = {
      ...{ pod: [], scheduled: [], known: [], hello: [], init: [], initAll: [], main: [] },
    };
    for (let round = 0; round < rounds; round++) {
      await wait(pauseMs);
      const begun = Date.now();
      const run = await start(on.clients, spec, inputUri);
      await watch(on.clients, run, ended);
      const known = Date.now();
      samples.hello.push(known - begun);
      samples.pod.push((seen.get(run) ?? Number.NaN) - begun);
      await wait(1_000);
      const [pod] = await podsOf(on, run);
      if (pod === undefined) throw new Error(`the pod of ${run} is gone`);
      const main = times.of(idOf(pod, "containerStatuses"));
      const init = times.of(idOf(pod, "initContainerStatuses"));
      samples.known.push(known - (main.ended ?? Number.NaN));
      samples.scheduled.push((init.started ?? Number.NaN) - (seen.get(run) ?? Number.NaN));
      samples.init.push((init.ended ?? Number.NaN) - (init.started ?? Number.NaN));
      samples.initAll.push((main.started ?? Number.NaN) - (init.ended ?? Number.NaN));
      samples.main.push((main.ended ?? Number.NaN) - (main.started ?? Number.NaN));
    }
    stop.abort();
    await watching;
    return [
      figure("create-run-to-pod", "ms", samples.pod),
      figure("container-end-to-client", "ms", samples.known),
      figure("hello", "ms", samples.hello),
      figure("init-container", "ms", samples.init),
      figure("pod-to-init-container", "ms", samples.scheduled, "the cluster's own"),
      figure("init-container-to-task", "ms", samples.initAll, "the cluster's own"),
      figure("task-container", "ms", samples.main, "the SDK's own"),
    ];
  }),
);
