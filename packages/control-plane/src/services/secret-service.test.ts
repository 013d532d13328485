import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { domain, project, refusal, startHarness } from "../testing/harness.ts";

const secretSpec = { value: { case: "stringValue" as const, value: "hunter2" } };

test("a secret goes to the data plane, and none of it stays here", async () => {
  await using harness = await startHarness();
  await harness.secrets.createSecret({ id: { name: "key", project, domain, organization: "127" }, secretSpec });
  expect(harness.secretCalls).toMatchObject([{ id: { name: "key", project, domain }, secretSpec }]);
});

test("pages of the data plane's list are passed on", async () => {
  await using harness = await startHarness();
  const first = await harness.secrets.listSecrets({ project, domain });
  expect(first).toMatchObject({ secrets: [{ id: { name: "one" } }], token: "next" });
  expect((await harness.secrets.listSecrets({ project, domain, token: first.token })).token).toBe("");
});

test.each([
  ["an unknown project", { project: "nope", domain }, Code.NotFound, /project "nope" does not exist/],
  ["an unknown domain", { project: "", domain: "nope" }, Code.NotFound, /domain "nope" does not exist/],
  ["a project without a domain", { project, domain: "" }, Code.InvalidArgument, /^id\.domain: is required/],
])("%s is refused here", async (_, scope, code, message) => {
  await using harness = await startHarness();
  const refused = await refusal(harness.secrets.createSecret({ id: { name: "key", ...scope }, secretSpec }));
  expect({ code: refused.code, message: refused.rawMessage }).toEqual({
    code,
    message: expect.stringMatching(message) as unknown,
  });
  expect(harness.secretCalls).toEqual([]);
});

test("what the data plane refuses is told in its words; one that keeps no secrets is told as that", async () => {
  await using harness = await startHarness();
  const missing = await refusal(harness.secrets.deleteSecret({ id: { name: "key" } }));
  expect([missing.code, missing.rawMessage]).toEqual([Code.NotFound, 'there is no secret "key"']);
  const older = await refusal(harness.secrets.getSecret({ id: { name: "key" } }));
  expect([older.code, older.rawMessage]).toEqual([Code.Unimplemented, "this data plane keeps no secrets"]);
  expect((await refusal(harness.secrets.createSecret({}))).rawMessage).toBe("id: is required");
});
