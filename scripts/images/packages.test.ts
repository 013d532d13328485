import { expect, test } from "vitest";
import { debianPackages, pythonPackage } from "./packages.ts";

const status = `Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u14
Depends: libgcc-s1
Description: GNU C Library
 Version: this is prose
 .
 More prose.

Package: tzdata
Architecture: all
Version: 2026f-0+deb12u1
`;

test("Debian's packages are read from dpkg's records, prose left out", () => {
  expect(debianPackages(status)).toEqual([
    { ecosystem: "deb", name: "libc6", version: "2.36-9+deb12u14", architecture: "amd64" },
    { ecosystem: "deb", name: "tzdata", version: "2026f-0+deb12u1", architecture: "all" },
  ]);
});

test("a record without a version is an error that shows it, not a package without one", () => {
  expect(() => debianPackages("Package: odd\nArchitecture: all\n")).toThrow(/does not say its Version:\nPackage: odd/);
});

test.each([
  [
    "Name: Jinja2\nVersion: 3.1.6\nLicense-Expression: BSD-3-Clause\n\nVersion: prose",
    "jinja2",
    "3.1.6",
    "BSD-3-Clause",
  ],
  ["Name: ruamel.yaml\r\nVersion: 1.0\r\nLicense: MIT\r\n\r\nBody", "ruamel-yaml", "1.0", "MIT"],
  ["Name: a__b\nVersion: 2\n\nLicense: GPL, says the body", "a-b", "2", undefined],
])(
  "a Python package is named as PyPI names it, by the head of its metadata: %j",
  (metadata, name, version, licence) => {
    expect(pythonPackage(metadata)).toEqual({
      ecosystem: "pypi",
      name,
      version,
      ...(licence === undefined ? {} : { licence }),
    });
  },
);
