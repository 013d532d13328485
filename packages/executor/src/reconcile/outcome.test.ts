import { expect, test } from "vitest";
import { explainModule, type Outcome } from "./outcome.ts";

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
