import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { TaskSpecSchema } from "@homeplane/idl/flyteidl2/task/task_definition";
import { expect, test } from "vitest";
import { ensureBuildTask } from "../system-tasks.ts";
import { domain, inProject, org, project, refusal, startHarness, taskSpec } from "../testing/harness.ts";

const buildImage = { project: "system", domain: "production", name: "build-image" };
const own = `s3://bucket-2/${org}/${project}/${domain}`;

async function harnessWithBuilder() {
  const harness = await startHarness();
  await ensureBuildTask(harness.store, taskSpec("build"), 1);
  const { tasks } = await harness.tasks.listTasks({
    scopeBy: { case: "projectId", value: { name: buildImage.project, domain: buildImage.domain, organization: "" } },
    request: { limit: 1 },
  });
  const taskId = tasks[0]?.taskId;
  const build = (inputs: Record<string, string>) => {
    const literals = Object.entries(inputs).map(([name, text]) => ({
      name,
      value: {
        value: {
          case: "scalar" as const,
          value: {
            value: {
              case: "primitive" as const,
              value: { value: { case: "stringValue" as const, value: text } },
            },
          },
        },
      },
    }));
    return harness.runs.createRun({
      id: inProject,
      task: { case: "taskId", value: taskId ?? {} },
      inputWrapper: { case: "inputs", value: { literals } },
    });
  };
  return { harness, build, taskId };
}

test("a build that could not succeed is refused with what is missing, and leaves no run", async () => {
  const { harness, build } = await harnessWithBuilder();
  await using _ = harness;
  const refused = await refusal(build({ spec: `${own}/bad-spec.pb`, context: "", target_image: "flyte:1" }));
  expect([refused.code, refused.rawMessage]).toEqual([Code.InvalidArgument, "numpy is missing"]);
  expect((await harness.runs.listRuns({ scopeBy: { case: "projectId", value: inProject.value } })).runs).toEqual([]);
});

test("a build that can is an ordinary run", async () => {
  const { harness, build, taskId } = await harnessWithBuilder();
  await using _ = harness;
  expect(taskId).toMatchObject(buildImage);
  const { run } = await build({ spec: `${own}/spec.pb`, context: `${own}/context.tar.gz`, target_image: "flyte:1" });
  expect(run?.action?.id?.run?.project).toBe(project);
  expect(harness.imageCalls).toMatchObject([{ specUri: `${own}/spec.pb`, contextUri: `${own}/context.tar.gz` }]);
});

test.each([
  ["without a specification", { target_image: "flyte:1" }, /^inputs\.spec: is required/],
  [
    "with another project's",
    { spec: `s3://bucket-2/${org}/other/${domain}/spec.pb` },
    /^inputs\.spec: .* is not below/,
  ],
])("a build %s is refused", async (_, inputs, message) => {
  const { harness, build } = await harnessWithBuilder();
  await using _harness = harness;
  const refused = await refusal(build(inputs));
  expect([refused.code, refused.rawMessage]).toEqual([Code.InvalidArgument, expect.stringMatching(message) as unknown]);
  expect(harness.imageCalls).toEqual([]);
});

test("a start with the same build task adds no version, one with another adds the newest", async () => {
  await using harness = await startHarness();
  const versions = async () =>
    (await harness.store.tasks.list({ ...buildImage, latestOnly: false, ascending: false, limit: 10 })).rows.map(
      ({ spec }) => spec.shortName,
    );
  const one = create(TaskSpecSchema, { ...taskSpec("build"), shortName: "one" });
  const two = create(TaskSpecSchema, { ...taskSpec("build"), shortName: "two" });
  await ensureBuildTask(harness.store, one, 1);
  await ensureBuildTask(harness.store, one, 2);
  expect(await versions()).toEqual(["one"]);
  await ensureBuildTask(harness.store, two, 3);
  await ensureBuildTask(harness.store, one, 4);
  expect(await versions()).toEqual(["one", "two", "one"]);
});
