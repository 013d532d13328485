import { expect, test } from "vitest";
import { countsOf, succeeded, summaryOf } from "./counts.ts";

const report = (...files: { status: string; tests: string[] }[]): string =>
  JSON.stringify({
    testResults: files.map(({ status, tests }) => ({ status, assertionResults: tests.map((s) => ({ status: s })) })),
  });

test("tests are counted, and what did not run is skipped", () => {
  const text = report(
    { status: "failed", tests: ["passed", "failed"] },
    { status: "passed", tests: ["passed", "skipped", "todo"] },
  );
  expect(countsOf(text, 1)).toEqual({ passed: 2, failed: 1, skipped: 2 });
});

test("a file that could not be loaded is a failure", () => {
  expect(countsOf(report({ status: "failed", tests: [] }), 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("a run that failed outside of its tests is a failure, and so is one without a report", () => {
  expect(countsOf(report({ status: "passed", tests: ["passed"] }), 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  expect(countsOf(undefined, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("the last line names what was skipped only when something was", () => {
  expect(summaryOf({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
  expect(summaryOf({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
});

test("a run in which nothing ran has not succeeded", () => {
  expect(succeeded({ passed: 0, failed: 0, skipped: 4 })).toBe(false);
  expect(succeeded({ passed: 1, failed: 0, skipped: 4 })).toBe(true);
});
