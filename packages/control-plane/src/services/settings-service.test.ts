import { Code } from "@connectrpc/connect";
import { SettingState } from "@homeplane/idl/flyteidl2/settings/settings_definition";
import { SettingsService } from "@homeplane/idl/flyteidl2/settings/settings_service";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { domain, type Harness, inProject, org, project, refusal, startHarness, task } from "../testing/harness.ts";

let h: Harness;
let settings: ReturnType<typeof createClient<typeof SettingsService>>;
beforeAll(async () => {
  h = await startHarness();
  settings = createClient(SettingsService, createConnectTransport({ baseUrl: h.baseUrl, httpVersion: "1.1" }));
});
afterAll(() => h[Symbol.asyncDispose]());

const map = (entries: Record<string, string>) => ({ state: SettingState.VALUE, mapValue: { entries } });
const inOrg = { org: "127" };
const inDomain = { org: "127", domain };
const ofProject = { org: "127", domain, project };

test("narrower settings win, maps are merged, and runs get them unless they say otherwise", async () => {
  await settings.createSettings({ key: inOrg, settings: { environmentVariables: map({ A: "org", B: "org" }) } });
  await settings.createSettings({ key: inDomain, settings: { labels: map({ team: "blue" }) } });
  const own = { environmentVariables: map({ B: "project", C: "project" }), labels: map({ cost: "1" }) };
  await settings.createSettings({ key: ofProject, settings: own });
  const { levels } = await settings.getSettingsForEdit({ key: ofProject });
  expect(levels.map(({ key }) => key)).toMatchObject([{ org }, { domain, project: "" }, { domain, project }]);
  const runSpec = { envs: { values: [{ key: "C", value: "run" }] }, labels: { values: { cost: "2" } } };
  const { run } = await h.runs.createRun({ id: inProject, task: task(), runSpec });
  expect(run?.labels).toEqual({ team: "blue", cost: "2" });
  const runId = { project, domain, name: run?.action?.id?.run?.name ?? "" };
  const { details } = await h.runs.getRunDetails({ runId });
  const envs = Object.fromEntries((details?.runSpec?.envs?.values ?? []).map(({ key, value }) => [key, value]));
  expect(envs).toEqual({ A: "org", B: "project", C: "run" });
  const { settingsRecord } = await settings.getSettings({ key: ofProject });
  expect(settingsRecord?.settings?.environmentVariables?.mapValue?.entries).toEqual({
    A: "org",
    B: "project",
    C: "project",
  });
});

test("a change of what somebody else has changed is refused", async () => {
  const key = { domain: "production" };
  const { settingsRecord } = await settings.createSettings({ key, settings: { labels: map({ a: "1" }) } });
  const version = settingsRecord?.version ?? 0n;
  await settings.updateSettings({ key, settings: { labels: map({ a: "2" }) }, version });
  const stale = await refusal(settings.updateSettings({ key, settings: {}, version }));
  expect([stale.code, stale.message]).toEqual([
    Code.FailedPrecondition,
    expect.stringContaining("read them again") as string,
  ]);
  expect((await refusal(settings.createSettings({ key, settings: {} }))).code).toBe(Code.AlreadyExists);
});

test.each([
  [
    "a setting without effect here",
    { run: { defaultQueue: { state: SettingState.VALUE, stringValue: "gpu" } } },
    "settings.run",
  ],
  ["a name that no variable can have", { environmentVariables: map({ "a-b": "1" }) }, "environment_variables[a-b]"],
  ["an endless value", { labels: map({ a: "x".repeat(5_000) }) }, "4096"],
  [
    "endlessly many",
    { labels: map(Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`k${n}`, ""]))) },
    "the limit is 100",
  ],
])("%s is INVALID_ARGUMENT that names it", async (_, wrong, text) => {
  const error = await refusal(settings.createSettings({ key: { domain: "production" }, settings: wrong }));
  expect([error.code, error.message]).toEqual([Code.InvalidArgument, expect.stringContaining(text) as string]);
});

test("settings of a project or domain that does not exist are NOT_FOUND", async () => {
  for (const key of [{ domain: "nowhere" }, { domain, project: "nowhere" }])
    expect((await refusal(settings.getSettingsForEdit({ key }))).code).toBe(Code.NotFound);
});
