import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import descriptors from "./gen/descriptors.json" with { type: "json" };

const room = join(import.meta.dirname, "..");
/** The project's own Python environment, which holds the SDK. */
const python = join(room, "../../.tools/python/bin/python");

test.skipIf(!existsSync(python))(
  "src/gen was made from the messages of the installed SDK: after an upgrade run `npm run idl`",
  () => {
    const published = execFileSync(python, [join(room, "scripts/collect_descriptors.py")], { maxBuffer: 64 << 20 });
    expect(createHash("sha256").update(published).digest("hex")).toBe(descriptors.sha256);
  },
);
