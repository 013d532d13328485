import { LaunchError } from "./launch-error.mjs";

/** @param {{ platform: string, arch: string, glibc: string | undefined }} machine `glibc` undefined: another C library */
export function checkPlatform({ platform, arch, glibc }) {
  const supported =
    "Homeplane runs on Linux, x64 or arm64, with glibc 2.28 or later (Debian 10, Ubuntu 20.04 and later)";
  const todo = `${supported}; elsewhere, use a virtual machine or a container of that kind.`;
  if (platform !== "linux") throw new LaunchError("UnsupportedPlatform", `${platform} is not supported.`, todo);
  if (arch !== "x64" && arch !== "arm64")
    throw new LaunchError("UnsupportedPlatform", `Linux on ${arch} is not supported.`, todo);
  if (glibc === undefined)
    throw new LaunchError(
      "UnsupportedPlatform",
      "a C library other than glibc (as Alpine's musl) is not supported.",
      todo,
    );
  const [major = 0, minor = 0] = glibc.split(".").map(Number);
  if (major === 2 && minor < 28) throw new LaunchError("UnsupportedPlatform", `glibc ${glibc} is too old.`, todo);
}

export function thisMachine() {
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return { platform: process.platform, arch: process.arch, glibc: report.header.glibcVersionRuntime };
}
