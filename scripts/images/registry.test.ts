import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attach } from "./attach.ts";
import { type Architecture, image, imageIndex, type Image } from "./image.ts";
import { layerOfTar, readLayer } from "./layer.ts";
import { push } from "./registry.ts";
import { startRegistry } from "./testing/registry.ts";

let folder: string;
let both: Image;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "homeplane-push-"));
  await writeFile(join(folder, "some.tar"), "not looked into");
  await layerOfTar(join(folder, "some.tar"), folder);
  const layer = await readLayer(folder);
  const settings = { User: "65532:65532", Env: ["PATH=/bin"], WorkingDir: "/", Labels: { a: "b" } };
  both = imageIndex((["amd64", "arm64"] as Architecture[]).map((each) => image(each, settings, [layer])));
});
afterEach(() => rm(folder, { recursive: true }));

test("an image is there under its tag and its digest, with all that it names, and is referred to by digest", async () => {
  await using registry = await startRegistry();
  const reference = await push(both, { registry: registry.url, name: "team/homeplane" }, "1.0");
  expect(reference).toBe(`${registry.url.slice("http://".length)}/team/homeplane@${both.root.digest}`);
  expect(registry.manifests.get("team/homeplane:1.0")).toEqual(
    registry.manifests.get(`team/homeplane@${both.root.digest}`),
  );
  // One layer for both architectures, and a configuration for each.
  expect(registry.blobs.size).toBe(3);
});

test("what is there already is not sent again", async () => {
  await using registry = await startRegistry();
  const repository = { registry: registry.url, name: "homeplane" };
  await push(both, repository, "1");
  registry.requests.length = 0;
  await push(both, repository, "2");
  expect(registry.requests.filter((request) => request.includes("/blobs/uploads/"))).toEqual([]);
  expect(registry.manifests.has("homeplane:2")).toBe(true);
});

test("a registry that wants a login is named, with the way out", async () => {
  await using registry = await startRegistry({ refuses: 401 });
  const pushing = push(both, { registry: registry.url, name: "homeplane" }, "1");
  await expect(pushing).rejects.toThrow(/answered 401 to POST [^]*skopeo copy oci-archive:/);
});

test("a registry that is not there is named", async () => {
  const registry = await startRegistry();
  await registry[Symbol.asyncDispose]();
  await expect(push(both, { registry: registry.url, name: "homeplane" }, "1")).rejects.toThrow(
    `${registry.url} does not answer: `,
  );
});

const type = "application/vnd.cyclonedx+json";
const listOf = ({ digest }: { digest: string }): string => `homeplane:${digest.replace(":", "-")}`;

test("a bill of materials is listed for the image that it is of, once, beside what others attached", async () => {
  await using registry = await startRegistry();
  const repository = { registry: registry.url, name: "homeplane" };
  await push(both, repository, "1");
  await attach(repository, both.root, "application/x-other", Buffer.from("other"));
  for (const _again of [1, 2]) await attach(repository, both.root, type, Buffer.from("{}"));
  const list = JSON.parse(String(registry.manifests.get(listOf(both.root)))) as {
    manifests: { artifactType: string; digest: string }[];
  };
  expect(list.manifests.map(({ artifactType }) => artifactType)).toEqual(["application/x-other", type]);
  const bill = JSON.parse(String(registry.manifests.get(`homeplane@${list.manifests[1]?.digest}`))) as {
    subject: { digest: string };
    layers: [{ digest: string }];
  };
  expect(bill.subject.digest).toBe(both.root.digest);
  expect(String(registry.blobs.get(bill.layers[0].digest))).toBe("{}");
});

test("a registry that lists referrers itself gets no list from us", async () => {
  await using registry = await startRegistry({ listsReferrers: true });
  const repository = { registry: registry.url, name: "homeplane" };
  await push(both, repository, "1");
  await attach(repository, both.root, type, Buffer.from("{}"));
  expect(registry.manifests.has(listOf(both.root))).toBe(false);
});
