/** The software bill of materials of an image, in CycloneDX 1.6 JSON. */
import { Contrib, Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { PackageURL } from "packageurl-js";
import { suite } from "./debian.ts";
import { epoch } from "./layer.ts";
import type { Package } from "./packages.ts";

export const sbomType = "application/vnd.cyclonedx+json";

export interface Subject {
  readonly name: string;
  readonly version: string;
  /** Of the manifest. */
  readonly digest: string;
  readonly architecture: string;
}

/** Expressions of several licences are kept as they are written, unread. */
const licences = new Contrib.License.Factories.LicenseFactory(() => {
  throw new Error("not read");
});

export function sbomOf({ name, version, digest, architecture }: Subject, packages: readonly Package[]): Buffer {
  const purl = purlOf("oci", name.slice(name.lastIndexOf("/") + 1), digest, { arch: architecture });
  const component = new Models.Component(Enums.ComponentType.Container, name, { version, purl, bomRef: purl });
  const bom = new Models.Bom({ metadata: new Models.Metadata({ timestamp: epoch, component }) });
  const seen = new Set<string>();
  for (const each of packages) {
    const library = componentOf(each);
    if (library.purl === undefined || seen.has(library.purl)) continue;
    seen.add(library.purl);
    bom.components.add(library);
    component.dependencies.add(library.bomRef);
  }
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return Buffer.from(new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 1 }));
}

function componentOf({ ecosystem, name, version, licence, architecture }: Package): Models.Component {
  const qualifiers = ecosystem === "deb" ? { arch: architecture, distro: suite } : undefined;
  const purl = purlOf(ecosystem, name, version, qualifiers);
  const component = new Models.Component(Enums.ComponentType.Library, name, { version, purl, bomRef: purl });
  if (licence !== undefined) component.licenses.add(licences.makeFromString(licence));
  return component;
}

function purlOf(
  type: string,
  fullName: string,
  version: string,
  qualifiers?: Record<string, string | undefined>,
): string {
  const slash = fullName.lastIndexOf("/");
  const namespace = type === "deb" ? "debian" : slash < 0 ? undefined : fullName.slice(0, slash);
  const given = Object.entries(qualifiers ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return new PackageURL(
    type,
    namespace,
    fullName.slice(slash + 1),
    version,
    Object.fromEntries(given),
    undefined,
  ).toString();
}
