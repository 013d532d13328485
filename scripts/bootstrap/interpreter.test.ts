import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chooseInterpreter, findInterpreters } from "./interpreter.mjs";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "homeplane-python-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program that answers as a Python of that kind does. */
function put(name: string, answer: { minor: number; cpython?: boolean; venv?: boolean } | undefined): void {
  const file = join(folder, name);
  const full = { file, cpython: true, venv: true, ...answer };
  writeFileSync(file, answer ? `#!/bin/sh\necho '${JSON.stringify(full)}'\n` : "#!/bin/sh\nexit 127\n");
  chmodSync(file, 0o755);
}

const choose = (requested?: string): { file: string; minor: number } =>
  chooseInterpreter(findInterpreters(folder, requested), requested);
const failure = (requested?: string): unknown => {
  try {
    return choose(requested);
  } catch (error) {
    return error;
  }
};

test("a named version goes before python3", () => {
  put("python3", { minor: 10 });
  put("python3.12", { minor: 12 });
  expect(choose().minor).toBe(12);
});

test("a stand-in for a version that is not installed, and one without venv, are passed over", () => {
  put("python3.13", undefined);
  put("python3.12", { minor: 12, venv: false });
  put("python3", { minor: 11 });
  expect(choose().minor).toBe(11);
});

test("the one that was asked for is the only one looked at", () => {
  put("python3.13", { minor: 13 });
  put("python3.10", { minor: 10 });
  expect(choose("python3.10").minor).toBe(10);
  expect(choose(join(folder, "python3.10")).minor).toBe(10);
  expect(failure(join(folder, "python9"))).toMatchObject({ code: "PythonMissing" });
});

test("without venv, the message is the command that installs it", () => {
  put("python3", { minor: 11, venv: false });
  expect(failure()).toMatchObject({ code: "PythonVenvMissing", nextStep: "apt install python3-venv" });
});

test.each([9, 15])("Python 3.%i is refused, with its version", (minor) => {
  put("python3", { minor });
  expect(failure()).toMatchObject({ code: "PythonVersion", message: expect.stringContaining(`python3 is 3.${minor}`) });
});

test("PyPy is refused", () => {
  put("python3", { minor: 11, cpython: false });
  expect(failure()).toMatchObject({ code: "PythonNotCPython" });
});

test("no Python at all is told apart", () => {
  expect(failure()).toMatchObject({ code: "PythonMissing", message: expect.stringContaining("no python3 was found") });
});

test("the interpreter that is asked answers with the file behind all links", () => {
  const [candidate] = findInterpreters(process.env["PATH"], "python3");
  expect(candidate?.found).toMatchObject({ file: expect.stringMatching(/^\/.*python/), cpython: true });
});
