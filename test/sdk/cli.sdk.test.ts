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

  test("a second up on the same data dir says who has it; so does reset, which then removes nothing", async () => {
    await using running = await TestHomeplane.start();
    const { dataDir, endpoints } = running;
    const second = await homeplane("up", "--port", "0", "--data-dir", dataDir);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`homeplane runs already on ${dataDir} (process ${endpoints.pid})`);
    expect(second.stderr).toContain("[AlreadyRunning]");
    const refused = await homeplane("reset", "--yes", "--data-dir", dataDir);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("[AlreadyRunning]") as string });

    await homeplane("down", "--data-dir", dataDir);
    const unasked = await homeplane("reset", "--data-dir", dataDir);
    expect(unasked).toMatchObject({ code: 1, stderr: expect.stringContaining("0 runs with their logs") as string });
    expect(existsSync(join(dataDir, "control-plane.db"))).toBe(true);
    const done = await homeplane("reset", "--yes", "--json", "--data-dir", dataDir);
    expect(JSON.parse(done.stdout)).toMatchObject({ state: "reset", dataDir, runs: 0 });
    expect(existsSync(join(dataDir, "control-plane.db"))).toBe(false);
    await running.up();
    expect((await homeplane("status", "--data-dir", dataDir)).code).toBe(0);
  });

  test("a port that is taken, a bad option and a host that is not loopback are errors that name the way out", async () => {
    await using running = await TestHomeplane.start();
    const { port } = new URL(running.endpoints.controlPlane);
    const other = join(running.dataDir, "other");
    const taken = await homeplane("up", "--port", port, "--data-dir", other);
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining("[PortTaken]") as string });
    const open = await homeplane("up", "--host", "0.0.0.0", "--data-dir", other);
    expect(open).toMatchObject({ code: 1, stderr: expect.stringContaining("[InvalidOption]") as string });
    const unwritable = await homeplane("up", "--data-dir", "/proc/homeplane");
    expect(unwritable).toMatchObject({ code: 1, stderr: expect.stringContaining("[DataDirUnusable]") as string });
    const noPython = await homeplane("up", "--port", "0", "--data-dir", other, "--python", "/bin/false");
    expect(noPython).toMatchObject({ code: 1, stderr: expect.stringContaining("[NoSdk]") as string });
  });

  test("doctor finds what an installation has, also while homeplane runs; version names the parts", async () => {
    await using running = await TestHomeplane.start();
    const { port } = new URL(running.endpoints.controlPlane);
    const doctor = await homeplane("doctor", "--json", "--port", port, "--data-dir", running.dataDir);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { id: string; state: string; found: string }[] };
    const found = Object.fromEntries(checks.map((check) => [check.id, check]));
    for (const id of ["platform", "node", "python", "sdk", "data-dir", "port"])
      expect(found[id], id).toMatchObject({ state: "ok" });
    expect(found["port"]?.found).toContain(`process ${running.endpoints.pid}`);
    const { stdout } = await homeplane("version", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ node: process.versions.node, flyte: expect.any(String) as string });
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
