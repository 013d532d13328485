/** What a layer was made of, for the software bill of materials. */
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Package {
  /** Of package URLs. */
  readonly ecosystem: "deb" | "npm" | "pypi";
  readonly name: string;
  readonly version: string;
  /** As the package names it: an SPDX expression or its own words. */
  readonly licence?: string;
  readonly architecture?: string;
}

const name = "packages.json";

export const writePackages = (folder: string, packages: readonly Package[]): Promise<void> =>
  writeFile(join(folder, name), JSON.stringify(packages));

export async function readPackages(folder: string): Promise<readonly Package[]> {
  const text = await readFile(join(folder, name), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "[]";
    throw error;
  });
  return JSON.parse(text) as Package[];
}

/** Of dpkg's status file, or control files in its form. */
export function debianPackages(status: string): readonly Package[] {
  const records = status.split(/\n\n+/).filter((record) => record.trim() !== "");
  return records.map((record) => {
    const field = (key: string): string => {
      const value = new RegExp(`^${key}: (.+)$`, "m").exec(record)?.[1];
      if (value === undefined) throw new Error(`a Debian package does not say its ${key}:\n${record.slice(0, 200)}`);
      return value;
    };
    const [name, version, architecture] = [field("Package"), field("Version"), field("Architecture")];
    return { ecosystem: "deb", name, version, architecture };
  });
}

/** Of `site-packages`: what is installed there. */
export async function pythonPackages(folder: string): Promise<readonly Package[]> {
  const names = (await readdir(folder)).filter((entry) => entry.endsWith(".dist-info")).sort();
  return Promise.all(
    names.map(async (entry) => pythonPackage(await readFile(join(folder, entry, "METADATA"), "utf8"))),
  );
}

/** The head of a METADATA file (core metadata 2.4). */
export function pythonPackage(metadata: string): Package {
  const [head = ""] = metadata.split(/\r?\n\r?\n/, 1);
  const field = (key: string): string | undefined => new RegExp(`^${key}: *(.+?)\\r?$`, "m").exec(head)?.[1];
  const [name, version] = [field("Name"), field("Version")];
  if (name === undefined || version === undefined)
    throw new Error(`a Python package says no name or version:\n${head}`);
  const licence = field("License-Expression") ?? field("License");
  return {
    ecosystem: "pypi",
    name: name.toLowerCase().replaceAll(/[-_.]+/g, "-"),
    version,
    ...(licence ? { licence } : {}),
  };
}

/** `folder` holds a package.json. */
export async function npmPackage(folder: string): Promise<Package> {
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
    license?: string;
  };
  const { name, version, license } = manifest;
  return { ecosystem: "npm", name, version, ...(license === undefined ? {} : { licence: license }) };
}
