/** Type check, lint, format and dead code, two at a time. Run: npm run check */
import { join } from "node:path";
import { describeCheck, runChecks } from "./check/checks.ts";

const root = join(import.meta.dirname, "..");
const results = await runChecks(root, 2, (result) => process.stdout.write(describeCheck(result)));
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
