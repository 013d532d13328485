/** For tests: what this machine permits. */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

export function findOnPath(program: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Asked of the system, not of what is tested. */
export function privateMounts(python: string): boolean {
  const flags = process.getuid?.() === 0 ? 0x20000 : 0x10020000;
  const script = `import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(${flags}) != 0)`;
  return spawnSync(python, ["-c", script]).status === 0;
}
