import { toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { SecretType } from "@homeplane/idl/flyteidl2/secret/definition";
import { GetSecretResponseSchema, ListSecretsResponseSchema } from "@homeplane/idl/flyteidl2/secret/payload";
import { secrets } from "@homeplane/kube";
import { expect, test } from "vitest";
import { kept, startWorld, value } from "./testing/world.ts";

async function refusal(call: Promise<unknown>): Promise<{ code: Code; message: string }> {
  const error: unknown = await call.then(() => undefined).catch((reason: unknown) => reason);
  if (!(error instanceof ConnectError)) throw new Error("expected a refusal", { cause: error });
  return { code: error.code, message: error.rawMessage };
}

test("a secret is told about, and its value never comes back", async () => {
  await using world = await startWorld();
  await world.create("api-key", "demo", "development");
  const id = { name: "api-key", project: "demo", domain: "development" };
  const got = await world.users.getSecret({ id });
  expect(got.secret).toMatchObject({
    id: { ...id, organization: "acme" },
    secretMetadata: { type: SecretType.GENERIC, secretStatus: { clusterStatus: [{ cluster: { name: "c1" } }] } },
  });
  const listed = await world.users.listSecrets({});
  for (const form of [value, Buffer.from(value).toString("base64")]) {
    expect(toJsonString(GetSecretResponseSchema, got)).not.toContain(form);
    expect(toJsonString(ListSecretsResponseSchema, listed)).not.toContain(form);
  }
});

test("what users call their secrets is no name of a Kubernetes Secret", async () => {
  await using world = await startWorld();
  await world.create("aws_key");
  const { items } = await world.client.list(secrets, { namespace: kept });
  expect(items.map(({ metadata }) => metadata.name)).toEqual([expect.stringMatching(/^s-[0-9a-f]{40}$/)]);
});

test("the same name lives in each scope on its own", async () => {
  await using world = await startWorld();
  await world.create("key");
  await world.create("key", "", "development");
  await world.create("key", "demo", "development");
  await world.users.deleteSecret({ id: { name: "key", domain: "development" } });
  const scopes = (await world.users.listSecrets({})).secrets.map(({ id }) => [id?.project, id?.domain]);
  expect(scopes).toEqual([
    ["", ""],
    ["demo", "development"],
  ]);
});

test("a second create is refused and changes nothing; update replaces the value, of what is there only", async () => {
  await using world = await startWorld();
  await world.create("key", "", "", "one");
  expect(await refusal(world.create("key", "", "", "two"))).toEqual({
    code: Code.AlreadyExists,
    message: 'secret "key" of the organization exists already: delete it first (flyte delete secret key)',
  });
  const stored = async () => (await world.client.list(secrets, { namespace: kept })).items[0]?.data?.["value"];
  expect(await stored()).toBe(Buffer.from("one").toString("base64"));
  const secretSpec = { value: { case: "binaryValue" as const, value: Buffer.from("three") } };
  await world.users.updateSecret({ id: { name: "key" }, secretSpec });
  expect(await stored()).toBe(Buffer.from("three").toString("base64"));
  expect((await refusal(world.users.updateSecret({ id: { name: "other" }, secretSpec }))).code).toBe(Code.NotFound);
});

test("the type of an image pull secret is kept, and changed by an update", async () => {
  await using world = await startWorld();
  const pull = { value: { case: "stringValue" as const, value: "{}" }, type: SecretType.IMAGE_PULL_SECRET };
  await world.users.createSecret({ id: { name: "ghcr" }, secretSpec: pull });
  const type = async () => (await world.users.getSecret({ id: { name: "ghcr" } })).secret?.secretMetadata?.type;
  expect(await type()).toBe(SecretType.IMAGE_PULL_SECRET);
  await world.users.updateSecret({ id: { name: "ghcr" }, secretSpec: { ...pull, type: SecretType.GENERIC } });
  expect(await type()).toBe(SecretType.GENERIC);
});

test("every secret is listed once, in order, whatever comes and goes between the pages", async () => {
  await using world = await startWorld();
  const names = ["b", "d", "a", "c", "e"];
  for (const name of names) await world.create(name);
  const first = await world.users.listSecrets({ limit: 2 });
  expect(first.secrets.map(({ id }) => id?.name)).toEqual(["a", "b"]);
  await world.users.deleteSecret({ id: { name: "b" } });
  await world.create("aa");
  const second = await world.users.listSecrets({ limit: 2, token: first.token });
  const third = await world.users.listSecrets({ limit: 2, token: second.token });
  expect([...second.secrets, ...third.secrets].map(({ id }) => id?.name)).toEqual(["c", "d", "e"]);
  expect(third.token).toBe("");
  expect((await refusal(world.users.listSecrets({ token: "x" }))).code).toBe(Code.InvalidArgument);
});

test("a list of a project's domain holds its own only", async () => {
  await using world = await startWorld();
  await world.create("org");
  await world.create("mine", "demo", "development");
  await world.create("theirs", "other", "development");
  const names = async (scope: { project?: string; domain?: string }) =>
    (await world.users.listSecrets(scope)).secrets.map(({ id }) => id?.name);
  expect(await names({ project: "demo", domain: "development" })).toEqual(["mine"]);
  expect(await names({ domain: "development" })).toEqual(["mine", "theirs"]);
  expect(await names({})).toEqual(["mine", "org", "theirs"]);
});

test.each([
  ["no id", {}, Code.InvalidArgument, /^id: /],
  ["no name", { id: {} }, Code.InvalidArgument, /^id\.name: /],
  ["a bad name", { id: { name: "a/../b" } }, Code.InvalidArgument, /^id\.name: "a\/\.\.\/b" must be/],
  ["a long name", { id: { name: "n".repeat(129) } }, Code.InvalidArgument, /^id\.name: has 129/],
  ["a project without a domain", { id: { name: "n", project: "demo" } }, Code.InvalidArgument, /^id\.domain: /],
  ["no value", { id: { name: "n" } }, Code.InvalidArgument, /^secret_spec\.value: string_value or/],
  ["an empty value", { id: { name: "n" }, text: "" }, Code.InvalidArgument, /^secret_spec\.value: is empty/],
  ["too large a value", { id: { name: "n" }, text: "x".repeat(65_537) }, Code.ResourceExhausted, /65537 bytes/],
])("%s is refused, with the field and the way out", async (_, { id, text }: Bad, code, message) => {
  await using world = await startWorld();
  const secretSpec = text === undefined ? {} : { value: { case: "stringValue" as const, value: text } };
  const refused = await refusal(world.users.createSecret({ ...(id && { id }), secretSpec }));
  expect(refused).toEqual({ code, message: expect.stringMatching(message) as unknown });
  expect((await world.client.list(secrets, { namespace: kept })).items).toEqual([]);
});

interface Bad {
  readonly id?: { readonly name?: string; readonly project?: string };
  readonly text?: string;
}
