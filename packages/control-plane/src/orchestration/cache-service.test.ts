import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { CacheService } from "@homeplane/idl/flyteidl2/cacheservice/v2/cacheservice";
import { TaskMetadataSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import { InputsSchema, NamedLiteralSchema } from "@homeplane/idl/flyteidl2/task/common";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { describe, expect, test } from "vitest";
import {
  domain,
  type Harness,
  inProject,
  named,
  org,
  project,
  refusal,
  startHarness,
  task,
} from "../testing/harness.ts";

const identifier = { org, project, domain };
const uri = `s3://meta/${org}/${project}/${domain}/r1/a0/1`;

async function world() {
  const state = { now: Date.parse("2030-01-01T00:00:00Z") };
  const harness = await startHarness({ now: () => state.now });
  await harness.runs.createRun({ id: named("r1"), task: task() });
  const cache = createClient(CacheService, harness.controlPlane.orchestration);
  const output = (outputUri: string, run = "r1") => ({
    output: { case: "outputUri" as const, value: outputUri },
    metadata: { keyMap: { values: { run, action: "a0", attempt: "1" } } },
  });
  return {
    harness,
    state,
    cache,
    put: (key: string, outputUri = uri, more: { run?: string; overwrite?: boolean; scope?: typeof identifier } = {}) =>
      cache.put({
        identifier: more.scope ?? identifier,
        baseRequest: { key, output: output(outputUri, more.run), overwrite: { overwrite: more.overwrite ?? false } },
      }),
    get: async (key: string) => (await cache.get({ identifier, baseRequest: { key } })).output,
    reserve: async (key: string, ownerId: string) => {
      const baseRequest = { key, ownerId, heartbeatInterval: durationFromMs(10_000) };
      return (await cache.getOrExtendReservation({ identifier, baseRequest })).reservation;
    },
    release: (key: string, ownerId: string) => cache.releaseReservation({ identifier, baseRequest: { key, ownerId } }),
    [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
  };
}

describe("entries", () => {
  test("what was put is found with its source and its time, in its project and domain only", async () => {
    await using it = await world();
    await it.put("k");
    const found = await it.get("k");
    expect(found?.output.value).toBe(uri);
    expect(found?.metadata?.keyMap?.values).toEqual({ run: "r1", action: "a0", attempt: "1" });
    expect(timestampMs(found!.metadata!.lastUpdatedAt!)).toBe(it.state.now);
    expect((await refusal(it.get("other"))).code).toBe(Code.NotFound);
    const elsewhere = { identifier: { org, project, domain: "production" }, baseRequest: { key: "k" } };
    expect((await refusal(it.cache.get(elsewhere))).code).toBe(Code.NotFound);
  });

  test("one that is there stays, unless it is overwritten; then it is as young as its output", async () => {
    await using it = await world();
    await it.put("k");
    it.state.now += 5_000;
    const newer = uri.replace("/1", "/2");
    expect((await refusal(it.put("k", newer))).code).toBe(Code.AlreadyExists);
    expect((await it.get("k"))?.output.value).toBe(uri);
    await it.put("k", newer, { overwrite: true });
    const found = await it.get("k");
    expect(found?.output.value).toBe(newer);
    const { createdAt, lastUpdatedAt } = found!.metadata!;
    expect(timestampMs(lastUpdatedAt!) - timestampMs(createdAt!)).toBe(5_000);
    await it.cache.delete({ identifier, baseRequest: { key: "k" } });
    expect((await refusal(it.get("k"))).code).toBe(Code.NotFound);
  });

  test.each([
    ["an output of another project", { at: `s3://meta/${org}/other/${domain}/r1/a0/1` }],
    ["an output of another domain", { at: `s3://meta/${org}/${project}/production/r1/a0/1` }],
    ["a way out of the project", { at: `s3://meta/${org}/${project}/${domain}/../../other/x` }],
    ["an address that is none", { at: "/etc/passwd" }],
    ["a run that is not in the project", { run: "r2" }],
    ["no run", { run: "" }],
    ["another organisation", { scope: { org: "evil", project, domain } }],
  ])("%s is refused", async (_, { at = uri, ...more }: { at?: string; run?: string; scope?: typeof identifier }) => {
    await using it = await world();
    expect((await refusal(it.put("k", at, more))).code).toBe(Code.PermissionDenied);
    expect((await refusal(it.get("k"))).code).toBe(Code.NotFound);
  });

  test.each([
    ["base_request.key", { key: "" }],
    ["base_request.key", { key: "x".repeat(1025) }],
    ["base_request.output.output_uri", { key: "k" }],
  ])("a request without a usable %s is told so", async (field, baseRequest) => {
    await using it = await world();
    const error = await refusal(it.cache.put({ identifier, baseRequest }));
    expect([error.code, error.rawMessage]).toEqual([Code.InvalidArgument, expect.stringContaining(field)]);
  });

  test("clients can not reach it", async () => {
    await using it = await world();
    const path = `${it.harness.baseUrl}/flyteidl2.cacheservice.v2.CacheService/Get`;
    const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
    expect(answer.status).toBe(501);
  });
});

describe("reservations", () => {
  test("the first one has it, as long as it extends it in time; then the next one can", async () => {
    await using it = await world();
    expect((await it.reserve("k", "a"))?.ownerId).toBe("a");
    expect((await it.reserve("k", "b"))?.ownerId).toBe("a");
    it.state.now += 29_000;
    expect((await it.reserve("k", "a"))?.ownerId).toBe("a");
    it.state.now += 29_000;
    expect((await it.reserve("k", "b"))?.ownerId).toBe("a");
    it.state.now += 1_000;
    expect((await it.reserve("k", "b"))?.ownerId).toBe("b");
    expect((await it.reserve("k", "a"))?.ownerId).toBe("b");
  });

  test("only the owner can release it", async () => {
    await using it = await world();
    await it.reserve("k", "a");
    await it.release("k", "b");
    expect((await it.reserve("k", "b"))?.ownerId).toBe("a");
    await it.release("k", "a");
    expect((await it.reserve("k", "b"))?.ownerId).toBe("b");
  });
});

describe("the key of a run's root", () => {
  const spec = (discoverable: boolean, cacheIgnoreInputVars: string[] = []) => {
    const made = task();
    const metadata = create(TaskMetadataSchema, { discoverable, discoveryVersion: "1", cacheIgnoreInputVars });
    const value = create(TaskSpecSchema, { ...made.value, taskTemplate: { ...made.value.taskTemplate!, metadata } });
    return { case: "taskSpec" as const, value };
  };
  const inputsOf = (values: Record<string, bigint>) =>
    create(InputsSchema, {
      literals: Object.entries(values).map(([name, value]) =>
        create(NamedLiteralSchema, {
          name,
          value: {
            value: {
              case: "scalar",
              value: { value: { case: "primitive", value: { value: { case: "integer", value } } } },
            },
          },
        }),
      ),
    });

  async function keyOf(
    harness: Harness,
    request: Parameters<Harness["runs"]["createRun"]>[0],
  ): Promise<string | undefined> {
    await harness.runs.createRun(request);
    const orders = await harness.store.orders.pending(0n, 100);
    const order = orders.at(-1)?.order;
    const action = order?.case === "start" ? order.value.spec?.spec : undefined;
    return action?.case === "task" ? action.value.cacheKey : undefined;
  }

  test("is there for cached tasks only, and the same whichever way the inputs came", async () => {
    await using harness = await startHarness();
    const value = inputsOf({ x: 1n, note: 2n });
    expect(await keyOf(harness, { id: inProject, task: spec(false) })).toBeUndefined();
    const inline = await keyOf(harness, { id: inProject, task: spec(true), inputWrapper: { case: "inputs", value } });
    const { offloadedInputData } = await harness.data.uploadInputs({ id: inProject, task: spec(true), inputs: value });
    const offloaded = await keyOf(harness, {
      id: inProject,
      task: spec(true),
      inputWrapper: { case: "offloadedInputData", value: offloadedInputData! },
    });
    expect(inline).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    expect(offloaded).toBe(inline);
  });

  test("does not depend on inputs that the cache ignores, and is the client's when it brings a hash of its own", async () => {
    await using harness = await startHarness();
    const keyWith = (note: bigint, ignored: string[]) =>
      keyOf(harness, {
        id: inProject,
        task: spec(true, ignored),
        inputWrapper: { case: "inputs", value: inputsOf({ x: 1n, note }) },
      });
    expect(await keyWith(1n, ["note"])).toBe(await keyWith(2n, ["note"]));
    expect(await keyWith(1n, [])).not.toBe(await keyWith(2n, []));
    const overridden = async (inputsHash: string) => {
      const { offloadedInputData } = await harness.data.uploadInputs({ id: inProject, task: spec(true) });
      const value = { ...offloadedInputData!, inputsHash };
      return keyOf(harness, { id: inProject, task: spec(true), inputWrapper: { case: "offloadedInputData", value } });
    };
    expect(await overridden("mine")).toBe(await overridden("mine"));
    expect(await overridden("mine")).not.toBe(await overridden("other"));
  });
});
