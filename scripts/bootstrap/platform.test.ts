import { expect, test } from "vitest";
import { checkPlatform, thisMachine } from "./platform.mjs";

test("this machine is supported", () => {
  expect(() => checkPlatform(thisMachine())).not.toThrow();
});

test.each([
  { platform: "darwin", arch: "arm64", glibc: undefined },
  { platform: "win32", arch: "x64", glibc: undefined },
  { platform: "linux", arch: "ia32", glibc: "2.36" },
  { platform: "linux", arch: "x64", glibc: undefined },
  { platform: "linux", arch: "x64", glibc: "2.27" },
])("$platform $arch with glibc $glibc is refused, and what is supported is named", (machine) => {
  expect(() => checkPlatform(machine)).toThrow(
    expect.objectContaining({ code: "UnsupportedPlatform", nextStep: expect.stringContaining("Linux, x64 or arm64") }),
  );
});
