/** A newer SDK sends fields that we do not know: they come back as they were, through every store and on to the data plane. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type TaskAction, taskActions } from "@homeplane/idl";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { RunSpecSchema } from "@homeplane/idl/flyteidl2/task/run";
import { InputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import { TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import { httpTransport, KubeClient, loadKubeconfig, type ResourceType } from "@homeplane/kube";
import { silentLogger, systemClock } from "@homeplane/runtime-kit";
import { describe, expect, test } from "vitest";
import { eventually, hasPython, TestHomeplane } from "./homeplane.ts";

/** Field 1000 with the text "new", as bytes of the wire (tag 1000 << 3 | 2). */
const unknown = { no: 1000, wireType: 2, data: Uint8Array.from([3, ...Buffer.from("new")]) };
const withUnknown = <T extends object>(message: T): T => Object.assign(message, { $unknown: [unknown] });

const template = withUnknown(
  create(TaskTemplateSchema, {
    id: { project: "flytesnacks", domain: "development", name: "newer", version: "1" },
    type: "python",
    metadata: { discoverable: false },
    target: { case: "container", value: { image: "none", args: ["true"] } },
  }),
);
if (template.metadata) withUnknown(template.metadata);
if (template.target.case === "container") withUnknown(template.target.value);
const runSpec = withUnknown(create(RunSpecSchema, { envs: { values: [{ key: "A", value: "b" }] } }));
const inputs = withUnknown(
  create(InputsSchema, {
    literals: [
      {
        name: "x",
        value: {
          value: {
            case: "scalar",
            value: { value: { case: "primitive", value: { value: { case: "integer", value: 7n } } } },
          },
        },
      },
    ],
  }),
);
if (inputs.literals[0]?.value) withUnknown(inputs.literals[0].value);

const bytesOf = (base64 = ""): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));

describe.skipIf(!hasPython)("what is not known", { timeout: 120_000 }, () => {
  test("of a task template, a run's spec and its inputs is kept, bytes and all", async () => {
    await using homeplane = await TestHomeplane.start();
    const projectId = { name: "flytesnacks", domain: "development" };
    const { offloadedInputData } = await homeplane.data.uploadInputs({
      id: { case: "projectId", value: projectId },
      task: { case: "taskSpec", value: { shortName: "newer", taskTemplate: template } },
      inputs,
    });
    const { run } = await homeplane.runs.createRun({
      id: { case: "projectId", value: projectId },
      task: { case: "taskSpec", value: { shortName: "newer", taskTemplate: template } },
      inputWrapper:
        offloadedInputData === undefined
          ? { case: undefined }
          : { case: "offloadedInputData", value: offloadedInputData },
      runSpec,
    });
    const name = run?.action?.id?.run?.name ?? "";
    const details = await eventually("the run's end", 60_000, async () => {
      const found = await homeplane.details(name);
      return found.status?.phase === ActionPhase.SUCCEEDED ? found : undefined;
    });

    const { details: whole } = await homeplane.runs.getRunDetails({ runId: homeplane.actionId(name).run });
    expect(whole?.runSpec?.$unknown).toEqual([unknown]);
    expect(whole?.runSpec?.envs?.values).toMatchObject([{ key: "A", value: "b" }]);
    const spec = details.spec.case === "task" ? details.spec.value.taskTemplate : undefined;
    expect(spec === undefined ? [] : [...toBinary(TaskTemplateSchema, spec)]).toEqual([
      ...toBinary(TaskTemplateSchema, template),
    ]);
    const { inputs: stored } = await homeplane.data.getActionData({ actionId: homeplane.actionId(name) });
    expect(stored === undefined ? [] : [...toBinary(InputsSchema, stored)]).toEqual([
      ...toBinary(InputsSchema, inputs),
    ]);

    // What the executor, or a newer one, reads on the other side.
    const transport = httpTransport(await loadKubeconfig(homeplane.endpoints.kubeconfig));
    try {
      const type: ResourceType<TaskAction> = taskActions;
      const common = { clock: systemClock, random: Math.random, log: silentLogger };
      const [action] = (await new KubeClient({ transport, ...common }).list(type)).items;
      const given = fromBinary(TaskTemplateSchema, bytesOf(action?.spec.taskTemplate));
      expect([given.$unknown, given.metadata?.$unknown]).toEqual([[unknown], [unknown]]);
      const forRun = fromBinary(RunSpecSchema, bytesOf(action?.spec.runSpec));
      expect(forRun.$unknown).toEqual([unknown]);
    } finally {
      await transport.close();
    }
  });
});
