/** Secrets as a user has them: made by the SDK's command line, asked for by tasks, and nowhere to be read. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPython, sdks, TestHomeplane } from "./homeplane.ts";

const digest = (value: string): string => createHash("sha256").update(value).digest("hex");
const values = {
  organization: "value-of-the-organization-5b1f",
  project: "value-of-the-project-77ac",
  password: "value-of-the-password-e01d",
} as const;

describe.skipIf(!hasPython).each(sdks)("secrets with flyte $version", { timeout: 120_000 }, (sdk) => {
  let homeplane: TestHomeplane;
  const feature = (name: string) => homeplane.feature(name, {}, "secret_tasks.py");
  const flyte = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await homeplane.flyte(args);
    expect(code, stdout + stderr).toBe(0);
    return stdout;
  };
  beforeAll(async () => {
    homeplane = await TestHomeplane.start({ sdk });
    await flyte("create", "secret", "api-key", "--value", values.organization);
    await flyte("create", "secret", "db_password", "--value", values.password);
  }, 60_000);
  const homeplaneLog = (): string => join(homeplane.dataDir, "log/homeplane.log");
  afterAll(() => homeplane[Symbol.asyncDispose]());

  test("a task finds it under the variable that it asks for; the nearest scope's comes first", async () => {
    expect((await feature("by_name")).outputs).toEqual([digest(values.organization)]);
    expect((await feature("by_variable")).outputs).toEqual([[digest(values.organization), digest(values.password)]]);
    const scope = ["--project", "flytesnacks", "--domain", "development"];
    await flyte("create", "secret", "api-key", "--value", values.project, ...scope);
    expect((await feature("by_name")).outputs).toEqual([digest(values.project)]);
    await flyte("delete", "secret", "api-key", ...scope);
    expect((await feature("by_name")).outputs).toEqual([digest(values.organization)]);
  });

  test("one that is missing fails the action before anything runs, and says what to do", async () => {
    const { run, phase } = await feature("missing");
    expect(phase).toBe("ActionPhase.FAILED");
    const { result, attempts } = await homeplane.details(run);
    expect(result.value).toMatchObject({
      message: expect.stringContaining("flyte create secret no-such-secret") as unknown,
    });
    expect(attempts).toHaveLength(1);
    expect(attempts[0]?.logInfo).toEqual([]);
  });

  test("get and list tell of it, and of no value", async () => {
    const text = (await flyte("get", "secret", "api-key")) + (await flyte("get", "secret"));
    expect(text).toContain("api-key");
    expect(text).not.toContain(values.organization);
  });

  test("no database of the control plane, no TaskAction, pod or event, and no log holds a value", async () => {
    await feature("fails_with_it");
    // It holds its databases alone.
    await homeplane.stop("SIGTERM");
    const files = await filesBelow(homeplane.dataDir);
    const kube = join(homeplane.dataDir, "kube/kube.db");
    const forms = Object.values(values).flatMap((value) => [value, Buffer.from(value).toString("base64")]);
    const found: string[] = [];
    for (const file of files.filter((one) => !one.startsWith(kube))) {
      const content = await readFile(file);
      if (forms.some((form) => content.includes(form))) found.push(file);
    }
    expect(found).toEqual([]);
    const logs = files.filter(
      (file) => file.startsWith(join(homeplane.dataDir, "kube/pods")) && file.endsWith("0.log"),
    );
    expect(logs.length).toBeGreaterThan(0);
    expect(files).toEqual(expect.arrayContaining([join(homeplane.dataDir, "control-plane.db"), homeplaneLog()]));
    expect(kindsThatHold(kube, forms)).toEqual(["secrets"]);
  });
});

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Of the embedded Kubernetes API's objects and its change log. */
function kindsThatHold(file: string, forms: readonly string[]): string[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = ["objects", "changes"].flatMap((table) => database.prepare(`SELECT * FROM ${table}`).all());
    const holding = rows.filter((row) => forms.some((form) => JSON.stringify(row).includes(form)));
    return [...new Set(holding.map((row) => String(row["resource"])))];
  } finally {
    database.close();
  }
}
