/** How many tests passed, failed and were skipped, from vitest's JSON report. */

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const noCounts: Counts = { passed: 0, failed: 0, skipped: 0 };

export const addCounts = (a: Counts, b: Counts): Counts => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

/** The parts of https://vitest.dev/guide/reporters#json-reporter that are counted. */
interface Report {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/**
 * `report` undefined: vitest ended without one. A file that failed without a failed test (it could not be loaded), and a run that
 * failed without a failed file (an unhandled error), count as one failure each.
 */
export function countsOf(report: string | undefined, exitCode: number): Counts {
  if (report === undefined) return { ...noCounts, failed: 1 };
  const { testResults } = JSON.parse(report) as Report;
  const counts = testResults.map(countsOfFile).reduce(addCounts, noCounts);
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function countsOfFile({ status, assertionResults }: Report["testResults"][number]): Counts {
  const passed = assertionResults.filter((test) => test.status === "passed").length;
  const failed = assertionResults.filter((test) => test.status === "failed").length;
  const skipped = assertionResults.length - passed - failed;
  return { passed, failed: status === "failed" && failed === 0 ? 1 : failed, skipped };
}

/** The last line of a test run. */
export function summaryOf({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

export const succeeded = ({ passed, failed }: Counts): boolean => failed === 0 && passed > 0;
