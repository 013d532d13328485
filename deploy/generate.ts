/**
 * Writes what the charts take from the program: the CustomResourceDefinition.
 *
 * Run: node scripts/launch.mjs run deploy/generate.ts
 * With --check it writes nothing and fails when a file is out of date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { taskActionCrd } from "@homeplane/idl";
import { stringify } from "yaml";

/** Helm leaves it at an uninstall: with it every TaskAction would go. */
const kept = { "helm.sh/resource-policy": "keep" };
const crd = { ...taskActionCrd, metadata: { ...taskActionCrd.metadata, annotations: kept } };
const files = {
  "chart/files/taskactions.yaml": `# Made by deploy/generate.ts from packages/idl: change that.\n${stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false })}`,
};

const check = process.argv.includes("--check");
for (const [name, text] of Object.entries(files)) {
  const path = join(import.meta.dirname, name);
  if (!check) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`deploy/${name} is out of date: node scripts/launch.mjs run deploy/generate.ts`);
    process.exitCode = 1;
  }
}
