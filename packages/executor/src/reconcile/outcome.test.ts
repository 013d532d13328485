import { expect, test } from "vitest";
import type { PodEnd } from "../pod/observe.ts";
import { classifyEnd, explainModule, type Outcome } from "./outcome.ts";

const failed = (message: string): Outcome => ({ kind: "user", final: false, code: "ModuleNotFoundError", message });

test("a module that the one environment lacks says where to install it", () => {
  const outcome = explainModule(failed("No module named 'pandas.core'"), "/venv/bin/python");
  expect(outcome).toMatchObject({
    code: "ModuleNotFoundError",
    message: expect.stringMatching(/^No module named 'pandas\.core'\n.*\/venv\/bin\/python -m pip install/) as unknown,
  });
});

test("where images bring what they need, and for other errors, nothing is added", () => {
  const missing = failed("No module named 'pandas'");
  expect(explainModule(missing, undefined)).toBe(missing);
  const other = failed("division by zero");
  expect(explainModule(other, "/venv/bin/python")).toBe(other);
});

const ended = (exitCode: number): PodEnd => ({
  exitCode,
  reason: "Error",
  message: "",
  primaryMissing: false,
  sidecarOom: false,
  nodeStop: false,
  overDeadline: false,
});

test.each([134, 137, 139, 143])(
  "a task whose process was ended by a signal (exit code %i) after it had stored its outputs has succeeded",
  (exitCode) => {
    expect(classifyEnd(ended(exitCode), { outputs: true }, true)).toEqual({ kind: "success" });
  },
);

test("without outputs, or with an error, it has not; nor has one that chose its exit code, or took too much memory", () => {
  expect(classifyEnd(ended(134), { outputs: false }, true)).toMatchObject({ kind: "user", code: "ExitCode134" });
  expect(classifyEnd(ended(137), { outputs: false }, true)).toMatchObject({ kind: "system", code: "Interrupted" });
  expect(classifyEnd(ended(134), { outputs: true, error: "unreadable" }, true).kind).toBe("user");
  expect(classifyEnd(ended(3), { outputs: true }, true)).toMatchObject({ kind: "user", code: "ExitCode3" });
  expect(classifyEnd({ ...ended(137), reason: "OOMKilled" }, { outputs: true }, true).kind).toBe("user");
});
