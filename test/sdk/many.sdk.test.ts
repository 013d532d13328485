/** Many children, and deep ones: each runs once, and homeplane has nothing to complain of. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { describe, expect, test } from "vitest";
import { hasPython, sdks, TestHomeplane } from "./homeplane.ts";

const CHILDREN = 300;
/** Deeper than two cores have slots for. */
const DEPTH = 12;

describe.skipIf(!hasPython).each(sdks)("with flyte $version", { timeout: 900_000 }, (sdk) => {
  test(`flyte.map over ${CHILDREN} gives each its result, in one attempt, without an error in homeplane's log`, async () => {
    await using homeplane = await TestHomeplane.start({ sdk });
    const startedAt = Date.now();
    const { run, outputs } = await homeplane.feature("many", { MANY: String(CHILDREN) }, "data.py");
    process.stdout.write(`${CHILDREN} children with flyte ${sdk.version}: ${(Date.now() - startedAt) / 1000} s\n`);
    expect(outputs).toEqual([(CHILDREN * (CHILDREN - 1)) / 2]);
    const actions = await homeplane.actions(run);
    expect(actions).toHaveLength(CHILDREN + 1);
    const odd = actions.filter(({ status }) => status?.phase !== ActionPhase.SUCCEEDED || status.attempts !== 1);
    expect(odd.map(({ id }) => id?.name)).toEqual([]);
    expect(await complaints(homeplane)).toEqual([]);
  });

  test("tasks nested deeper than there are slots do not wait for one another for ever", async () => {
    await using homeplane = await TestHomeplane.start({ sdk });
    const { run, outputs } = await homeplane.feature("chain", { DEPTH: String(DEPTH) }, "data.py");
    expect(outputs).toEqual([DEPTH]);
    expect(await homeplane.actions(run)).toHaveLength(DEPTH + 1);
  });
});

/** Lines of its log at level error or above. */
async function complaints(homeplane: TestHomeplane): Promise<string[]> {
  const text = await readFile(join(homeplane.dataDir, "log/homeplane.log"), "utf8");
  return text.split("\n").filter((line) => /"level":(50|60|"error"|"fatal")/.test(line));
}
