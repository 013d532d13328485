/** The tiers of tests. The infix of a test file names what it needs; vitest.config.ts has a project for each. */
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { programObstacle } from "../../test/cluster/go-program.ts";

export const tierNames = ["unit", "sdk", "browser", "cluster"] as const;
export type TierName = (typeof tierNames)[number];

/** Where test files are, relative to the root. */
const testFolders = ["packages/*/src", "packages/*/scripts", "test", "scripts"] as const;

/**
 * Minutes that it takes on two cores with nothing else to do: where nothing was fetched or built yet, and afterwards. As seen; nothing is held to them.
 */
export const minutes: Readonly<Record<TierName, { readonly cold: number; readonly warm: number }>> = {
  unit: { cold: 3, warm: 2 },
  sdk: { cold: 22, warm: 21 },
  browser: { cold: 1, warm: 1 },
  // 18 for the programs of a cluster, 4 for the images.
  cluster: { cold: 42, warm: 20 },
};

export interface Tier {
  readonly name: TierName;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

const infixed = tierNames.filter((name) => name !== "unit");

export const tiers: readonly Tier[] = tierNames.map((name) => ({
  name,
  include: testFolders.map((folder) => `${folder}/**/*${name === "unit" ? "" : `.${name}`}.test.ts`),
  exclude: name === "unit" ? infixed.map((infix) => `**/*.${infix}.test.ts`) : [],
}));

/** Its files, relative to the root; with filters, those whose path contains one of them, as vitest does. */
export function filesOf(root: string, { include, exclude }: Tier, filters: readonly string[]): readonly string[] {
  const files = globSync([...include], { cwd: root, exclude: ["**/node_modules", ...exclude] });
  return files.filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
}

/** Why a tier can not run here, and what to do; undefined when it can. */
export function obstacleOf(root: string, name: TierName): string | undefined {
  if (name === "sdk" && !existsSync(join(root, ".tools/python/bin/python"))) {
    return "the Python environment is missing (node scripts/launch.mjs bootstrap)";
  }
  if (name === "browser" && !existsSync("/usr/bin/chromium")) return "Chromium is missing (apt install chromium)";
  if (name === "cluster") return programObstacle("kubernetes");
  return undefined;
}
