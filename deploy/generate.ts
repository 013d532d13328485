/**
 * Writes what the charts take from the program, the CustomResourceDefinition, and the page that tells of their values.
 *
 * Run: node scripts/launch.mjs run deploy/generate.ts
 * With --check it writes nothing and fails when a file is out of date.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { taskActionCrd } from "@homeplane/idl";
import { stringify } from "yaml";
import { valuesTable } from "./values-page.ts";

/** Helm leaves it at an uninstall: with it every TaskAction would go. */
const kept = { "helm.sh/resource-policy": "keep" };
const crd = { ...taskActionCrd, metadata: { ...taskActionCrd.metadata, annotations: kept } };
const definition = stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false });

const table = (chart: string): string =>
  valuesTable(
    readFileSync(join(import.meta.dirname, chart, "values.yaml"), "utf8"),
    readFileSync(join(import.meta.dirname, chart, "values.schema.json"), "utf8"),
  );
const page = `<!-- Made by deploy/generate.ts from the charts' values.yaml: change that, not this page. -->
# Values of the charts

Set them in a file (\`helm install -f values.yaml\`) or one by one (\`--set\`). What is not in these tables is refused, and so is a wrong value: the message names it.
How they go together: [installing on a cluster](../guide/install.md).

## \`deploy/chart\`: the data plane

${table("chart")}

## \`deploy/chart-control-plane\`: the control plane

${table("chart-control-plane")}
`;

/** As the format check wants it. */
function formatted(name: string, input: string): string {
  const biome = join(import.meta.dirname, "../node_modules/@biomejs/biome/bin/biome");
  return execFileSync(process.execPath, [biome, "format", `--stdin-file-path=${name}`], { input, encoding: "utf8" });
}

const files = {
  "deploy/chart/files/taskactions.yaml": `# Made by deploy/generate.ts from packages/idl: change that.\n${definition}`,
  "docs/reference/chart.md": formatted("docs/reference/chart.md", page),
};

const check = process.argv.includes("--check");
for (const [name, text] of Object.entries(files)) {
  const path = join(import.meta.dirname, "..", name);
  if (!check) writeFileSync(path, text);
  else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
    console.error(`${name} is out of date: node scripts/launch.mjs run deploy/generate.ts`);
    process.exitCode = 1;
  }
}
