import { expect, test } from "vitest";
import { sbomOf } from "./sbom.ts";

const subject = { name: "flyteorg/flyte", version: "1", digest: `sha256:${"0".repeat(64)}`, architecture: "amd64" };

interface Bom {
  readonly specVersion: string;
  readonly metadata: { readonly component: { readonly purl: string } };
  readonly components: readonly { readonly purl: string; readonly licenses?: readonly unknown[] }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

test("every package is in it once, by its package URL, with its licence", () => {
  const zod = { ecosystem: "npm", name: "zod", version: "4.6.7", licence: "MIT" } as const;
  const connect = { ecosystem: "npm", name: "@connectrpc/connect", version: "2.2.0", licence: "(MIT OR X)" } as const;
  const libc = { ecosystem: "deb", name: "libc6", version: "2.36-9+deb12u14", architecture: "amd64" } as const;
  const bom = JSON.parse(String(sbomOf(subject, [zod, libc, connect, zod]))) as Bom;
  expect(bom.specVersion).toBe("1.6");
  expect(bom.components.map(({ purl }) => purl)).toEqual([
    "pkg:deb/debian/libc6@2.36-9+deb12u14?arch=amd64&distro=bookworm",
    "pkg:npm/%40connectrpc/connect@2.2.0",
    "pkg:npm/zod@4.6.7",
  ]);
  expect(bom.components.map(({ licenses }) => licenses)).toEqual([
    undefined,
    [{ license: { name: "(MIT OR X)" } }],
    [{ license: { id: "MIT" } }],
  ]);
  const own = bom.dependencies.find(({ ref }) => ref === bom.metadata.component.purl);
  expect(own?.dependsOn).toHaveLength(3);
});

test("the same packages give the same bytes, in whatever order they are told", () => {
  const [a, b] = ["a", "b"].map((name) => ({ ecosystem: "pypi" as const, name, version: "1" }));
  if (a === undefined || b === undefined) throw new Error("unreachable");
  expect(sbomOf(subject, [a, b]).equals(sbomOf(subject, [b, a]))).toBe(true);
});
