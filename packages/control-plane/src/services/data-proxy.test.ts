import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { ArtifactType } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { InputsSchema, OutputsSchema } from "@homeplane/idl/flyteidl2/task/common";
import { afterAll, beforeAll, expect, test } from "vitest";
import { domain, type Harness, inProject, org, project, refusal, startHarness, task } from "../testing/harness.ts";

let h: Harness;
beforeAll(async () => {
  h = await startHarness();
});
afterAll(() => h[Symbol.asyncDispose]());

const outputUri = "s3://bucket-1/out";

/** A run whose first attempt has told where its outputs lie. */
async function finishedRun() {
  const { run } = await h.runs.createRun({ id: inProject, task: task() });
  const actionId = { run: { project, domain, name: run?.action?.id?.run?.name ?? "" }, name: "a0" };
  const event = { id: actionId, attempt: 1, phase: ActionPhase.SUCCEEDED, outputs: { outputUri } };
  await h.events.record({ events: [event] });
  return actionId;
}
const outputs = (bytes: number) =>
  toBinary(OutputsSchema, create(OutputsSchema, { literals: [{ name: "o0", value: { hash: "h".repeat(bytes) } }] }));

test("inputs and outputs are read where they lie; a task that returned nothing has empty ones", async () => {
  const actionId = await finishedRun();
  const { inputs, outputs: none, inputsUri, outputsUri } = await h.data.getActionData({ actionId });
  expect(inputs).toEqual(create(InputsSchema));
  expect(none).toEqual(create(OutputsSchema));
  expect(inputsUri).toMatch(/\/inputs\/inputs\.pb$/);
  expect(outputsUri).toBe(`${outputUri}/outputs.pb`);
  h.objects.set(outputsUri, outputs(5));
  expect((await h.data.getActionData({ actionId })).outputs?.literals[0]?.name).toBe("o0");
});

test("inputs and outputs beyond 20 MiB are refused with where to read them", async () => {
  const actionId = await finishedRun();
  h.objects.set(`${outputUri}/outputs.pb`, outputs(20 << 20));
  const error = await refusal(h.data.getActionData({ actionId }));
  expect(error.code).toBe(Code.ResourceExhausted);
  expect(error.message).toMatch(/the limit is 20971520: read s3:\/\/bucket-1\/out\/outputs\.pb/);
});

test("a file of the task's that is no message is DATA_LOSS with its address, not a fault of the server", async () => {
  const actionId = await finishedRun();
  h.objects.set(`${outputUri}/outputs.pb`, Buffer.from([0xff, 0xff]));
  const error = await refusal(h.data.getActionData({ actionId }));
  expect(error.code).toBe(Code.DataLoss);
  expect(error.message).toContain(`${outputUri}/outputs.pb`);
});

test("an upload's address is a function of its content, below the project in the bundle bucket", async () => {
  const request = { project, domain, org: "127", filename: "code.tgz", contentMd5: new Uint8Array(16).fill(1) };
  const first = await h.data.createUploadLocation(request);
  expect(first.nativeUrl).toBe(`s3://bucket-2/${org}/${project}/${domain}/${"01".repeat(16)}/code.tgz`);
  expect((await h.data.createUploadLocation(request)).nativeUrl).toBe(first.nativeUrl);
});

test.each([
  ["a climbing name", { filename: "../x" }, Code.InvalidArgument],
  ["a climbing root", { filenameRoot: "a/../../b" }, Code.InvalidArgument],
  ["no project", { project: "" }, Code.InvalidArgument],
  ["an unknown project", { project: "none" }, Code.NotFound],
  ["an unknown domain", { domain: "none" }, Code.NotFound],
])("an upload with %s is refused", async (_, change, code) => {
  const request = { project, domain, filename: "x", contentMd5: new Uint8Array(16), ...change };
  expect((await refusal(h.data.createUploadLocation(request))).code).toBe(code);
});

test("a report is linked once there is one; a kind of artifact that is not known is refused", async () => {
  const actionId = await finishedRun();
  const ask = (artifactType: ArtifactType, attempt = 1) =>
    h.data.createDownloadLink({ artifactType, source: { case: "actionAttemptId", value: { actionId, attempt } } });
  expect((await ask(ArtifactType.REPORT)).preSignedUrls?.signedUrl).toEqual([`http://signed/${outputUri}/report.html`]);
  expect((await refusal(ask(ArtifactType.REPORT, 7))).code).toBe(Code.NotFound);
  expect((await refusal(ask(ArtifactType.CODE_BUNDLE))).code).toBe(Code.NotFound);
  expect((await refusal(ask(ArtifactType.UNSPECIFIED))).code).toBe(Code.InvalidArgument);
});

test("a log that is not there yet is NOT_FOUND, which the client asks for again; one that is comes through", async () => {
  const { run } = await h.runs.createRun({ id: inProject, task: task() });
  const actionId = { run: { project, domain, name: run?.action?.id?.run?.name ?? "" }, name: "a0" };
  const next = () => h.data.tailLogs({ actionId })[Symbol.asyncIterator]().next() as Promise<{ value: unknown }>;
  expect((await refusal(next())).code).toBe(Code.NotFound);
  await h.events.record({
    events: [{ id: actionId, attempt: 1, phase: ActionPhase.RUNNING, logContext: { pods: [{}] } }],
  });
  expect((await next()).value).toMatchObject({ logs: [{ lines: [{ message: "attempt 1\n" }] }] });
});

test("a code bundle is linked when it lies below the project that brought it, and no other key is signed for", async () => {
  const bundle = async (codeBundleUri: string) => {
    const target = { case: "container" as const, value: {} };
    const taskTemplate = { type: "python", target, metadata: { codeBundleUri } };
    const { run } = await h.runs.createRun({ id: inProject, task: { case: "taskSpec", value: { taskTemplate } } });
    const actionId = { run: { project, domain, name: run?.action?.id?.run?.name ?? "" }, name: "a0" };
    const source = { case: "actionAttemptId" as const, value: { actionId, attempt: 1 } };
    return h.data.createDownloadLink({ artifactType: ArtifactType.CODE_BUNDLE, source });
  };
  const own = `s3://bucket-2/${org}/${project}/${domain}/d/code.tgz`;
  expect((await bundle(own)).preSignedUrls?.signedUrl).toEqual([`http://signed/${own}`]);
  const foreign = await refusal(bundle(`s3://bucket-2/${org}/other/${domain}/d/code.tgz`));
  expect(foreign.code).toBe(Code.NotFound);
});
