/** What tasks may take of the machine: memory limits are kept, requests are held against what there is. One promise a test. */
import { toJson } from "@bufbuild/protobuf";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ActionDetailsSchema, ErrorInfo_Kind } from "@homeplane/idl/flyteidl2/workflow/run_definition";
import { httpTransport, KubeClient, type KubeObject, loadKubeconfig, type ResourceType } from "@homeplane/kube";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasPython, sdks, TestHomeplane } from "./homeplane.ts";
import { processesOf } from "./processes.ts";

const resourceQuotas: ResourceType<KubeObject & { spec: { hard: Record<string, string> } }> = {
  ...{ group: "", version: "v1", namespaced: true },
  ...{ plural: "resourcequotas", kind: "ResourceQuota" },
};

describe.skipIf(!hasPython).each(sdks)("the flyte SDK $version", { timeout: 120_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk, args: ["--cpus", "1", "--memory", "2Gi"] });
  });
  afterAll(() => homeplane[Symbol.asyncDispose]());

  const feature = (name: string) => homeplane.feature(name, {}, "limits.py");

  test("a task that takes more memory than its limit fails as OOMKilled, says how much it was, and keeps its log", async () => {
    const { run, phase } = await feature("oom");
    expect(phase).toBe("ActionPhase.FAILED");
    const { result } = await homeplane.details(run);
    expect(result.case === "errorInfo" ? result.value : undefined).toMatchObject({
      code: "OOMKilled",
      kind: ErrorInfo_Kind.USER,
      message: expect.stringMatching(/used \d+ MiB of memory, the limit is 350 MiB/),
    });
    expect((await homeplane.log(run)).some(({ text }) => text.includes("taking 5000 MiB"))).toBe(true);
    expect(await processesOf(run)).toEqual([]);
  });

  test("a parent catches its child's OOMError and gives it more", async () => {
    expect((await feature("gives_more")).outputs).toEqual(["OOMError OOMKilled, then 500"]);
  });

  test("tasks that each want the whole machine nest deeper than it has room, and fan out, one after another", async () => {
    expect((await feature("nested")).outputs).toEqual([3]);
    expect((await feature("fans_out")).outputs).toEqual([15]);
  });

  test("a task that finds a quota used up waits with Kubernetes' own words, and runs when there is room", async () => {
    const transport = httpTransport(await loadKubeconfig(homeplane.endpoints.kubeconfig));
    const log = silentLogger;
    const client = new KubeClient({ transport, log, clock: systemClock, random: Math.random });
    const quota = { namespace: "flytesnacks-development", name: "none" };
    const made = { apiVersion: "v1", kind: "ResourceQuota", metadata: quota, spec: { hard: { pods: "0" } } };
    await client.create(resourceQuotas, made);
    const run = await homeplane.startFeature("leaf", {}, "limits.py");
    await eventually("is told of the quota", 20_000, async () => {
      const text = JSON.stringify(toJson(ActionDetailsSchema, await homeplane.details(run)));
      return text.includes("exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0");
    });
    await client.delete(resourceQuotas, quota);
    await transport.close();
    await eventually("has run", 40_000, async () => {
      const { status } = await homeplane.details(run);
      return status?.phase === ActionPhase.SUCCEEDED;
    });
  });

  test("a task that wants more than the machine has waits, says so and what to do, and can be aborted", async () => {
    const run = await homeplane.startFeature("never_placed", {}, "limits.py");
    const waiting = await eventually("waits for resources", 20_000, async () => {
      const details = await homeplane.details(run);
      return details.status?.phase === ActionPhase.WAITING_FOR_RESOURCES ? details : undefined;
    });
    const told = await eventually("says why", 10_000, async () => {
      const text = JSON.stringify(toJson(ActionDetailsSchema, await homeplane.details(run)));
      return text.includes("can never run here") ? text : undefined;
    });
    expect(waiting.attempts).toHaveLength(1);
    expect(told).toContain("64 of cpu (this machine has 1)");
    await homeplane.runs.abortRun({ runId: homeplane.actionId(run).run, reason: "seen" });
    await eventually("is aborted", 20_000, async () => {
      const { status } = await homeplane.details(run);
      return status?.phase === ActionPhase.ABORTED;
    });
  });
});
