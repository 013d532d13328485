/** The command as a user types it: up, status, down. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasPython, TestHomeplane } from "./homeplane.ts";

const main = join(import.meta.dirname, "../../packages/cli/src/main.js");

function homeplane(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr }),
    );
  });
}

describe.skipIf(!hasPython)("homeplane", { timeout: 60_000 }, () => {
  test("up writes endpoints and configuration; status finds it; down ends it and leaves the data", async () => {
    await using running = await TestHomeplane.start();
    const { dataDir, endpoints } = running;
    const found = await homeplane("status", "--json", "--data-dir", dataDir);
    expect(found.code).toBe(0);
    expect(JSON.parse(found.stdout)).toEqual({ state: "running", dataDir, endpoints });
    expect((await stat(dataDir)).mode & 0o077).toBe(0);
    for (const file of ["endpoints.json", "credentials.json", "env", "config.yaml"]) {
      expect((await stat(join(dataDir, file))).mode & 0o077, file).toBe(0);
    }
    const stopped = await homeplane("down", "--data-dir", dataDir);
    expect(stopped).toMatchObject({ code: 0, stdout: "stopped\n" });
    expect(existsSync(join(dataDir, "endpoints.json"))).toBe(false);
    expect(existsSync(join(dataDir, "control-plane.db"))).toBe(true);
    expect((await homeplane("status", "--json", "--data-dir", dataDir)).code).toBe(3);
    const again = await homeplane("down", "--data-dir", dataDir);
    expect(again).toMatchObject({ code: 0, stdout: `no homeplane runs on ${dataDir}\n` });
  });

  test("ports and keys are the same after a restart, also after kill -9", async () => {
    await using running = await TestHomeplane.start();
    const before = running.endpoints.objectStore;
    const keys = (await running.environment())["FLYTE_AWS_SECRET_ACCESS_KEY"];
    await running.stop("SIGKILL");
    expect(JSON.parse((await homeplane("status", "--json", "--data-dir", running.dataDir)).stdout)).toMatchObject({
      state: "stopped",
    });
    await running.up();
    expect(running.endpoints.objectStore).toBe(before);
    expect((await running.environment())["FLYTE_AWS_SECRET_ACCESS_KEY"]).toBe(keys);
  });
});
