/** Secrets as a user has them: made by the SDK's command line, asked for by tasks, and nowhere to be read. */
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasPython, python, sdks, TestHomeplane } from "./homeplane.ts";
import { processesOf } from "./processes.ts";

const digest = (value: string | Buffer): string => createHash("sha256").update(value).digest("hex");
const values = {
  organization: "value-of-the-organization-5b1f",
  project: "value-of-the-project-77ac",
  password: "value-of-the-password-e01d",
  file: "value-of-the-file-9d3a-26",
} as const;

/** Files of a task's own need a mount namespace. */
const flags = process.getuid?.() === 0 ? 0x20000 : 0x10020000;
const probe = `import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(${flags}) != 0)`;
const permitted = hasPython && spawnSync(python, ["-c", probe]).status === 0;

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

  test.skipIf(!permitted)("it can be a file of the task's own; bytes can be nothing else", async () => {
    const account = join(homeplane.dataDir, "account.json");
    const bytes = Buffer.from([0, 255, 1, 254]);
    await writeFile(account, values.file);
    try {
      await flyte("create", "secret", "Service-Account", "--from-file", account);
      await writeFile(account, bytes);
      await flyte("create", "secret", "binary", "--from-file", account);
    } finally {
      // Later tests look for the values in this folder.
      await rm(account);
    }
    const { outputs } = await feature("as_files");
    expect(outputs).toEqual([["binary", "service-account", digest(bytes), digest(values.file), "0o0", "0o0"]]);
    const refused = await feature("binary_as_variable");
    expect((await homeplane.details(refused.run)).result.value).toMatchObject({
      message: expect.stringContaining('flyte.Secret("binary", mount="/etc/flyte/secrets")') as unknown,
    });
  });

  test.skipIf(!permitted)("a parent's secrets are not its children's", async () => {
    const { outputs } = await feature("parent");
    expect(outputs).toEqual([[digest(values.organization), "False", digest(values.file)]]);
  });

  test.skipIf(!permitted)(
    "after kill -9 of homeplane no file holds it, and the run goes on",
    { timeout: 90_000 },
    async () => {
      const run = await homeplane.startFeature("waits_with_file", {}, "secret_tasks.py");
      const waiting = () =>
        eventually("the task has read its file", 30_000, async () => {
          const [pid] = await processesOf(run);
          const logs = (await filesBelow(join(homeplane.dataDir, "kube/pods"))).filter((file) =>
            file.endsWith("/stdout"),
          );
          const texts = await Promise.all(logs.map((file) => readFile(file, "utf8").catch(() => "")));
          return texts.some((text) => text.includes(`waiting ${values.file.length}`)) && pid;
        });
      const before = await waiting();
      await homeplane.stop("SIGKILL");
      const kube = join(homeplane.dataDir, "kube/kube.db");
      const holding = await filesThatHold(homeplane.dataDir, [values.file]);
      await homeplane.up();
      expect(holding.filter((file) => !file.startsWith(kube))).toEqual([]);
      await eventually("another process of the run", 40_000, async () => {
        const pids = await processesOf(run);
        return pids.length > 0 && !pids.includes(before);
      });
      await waiting();
      await homeplane.runs.abortRun({ runId: homeplane.actionId(run).run });
      await eventually("no process is left", 30_000, async () => (await processesOf(run)).length === 0);
    },
  );

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
    const holding = await filesThatHold(homeplane.dataDir, forms);
    expect(holding.filter((file) => !file.startsWith(kube))).toEqual([]);
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

async function filesThatHold(folder: string, forms: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const file of await filesBelow(folder)) {
    // It may be gone since it was listed.
    const content = await readFile(file).catch(() => Buffer.alloc(0));
    if (forms.some((form) => content.includes(form))) found.push(file);
  }
  return found;
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
