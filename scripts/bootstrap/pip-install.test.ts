import { expect, test } from "vitest";
import { requirementsOf } from "./pip-install.mjs";

test("a lock is cut between requirements, never between one and its hashes", () => {
  const lock =
    "# made by a tool\n#   from a file\na==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\nb==2 ; python_version < '3.11' \\\n    --hash=sha256:3\n";
  expect(requirementsOf(lock)).toEqual([
    "a==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2",
    "b==2 ; python_version < '3.11' \\\n    --hash=sha256:3",
  ]);
});
