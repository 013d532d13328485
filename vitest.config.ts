import { defineConfig } from "vitest/config";
import { tiers } from "./scripts/test/tiers.ts";

// The infix of a test file names what it needs: `.test.ts` nothing, `.sdk.test.ts` the Python SDK, `.browser.test.ts` Chromium,
// `.cluster.test.ts` a Kubernetes cluster. Each is a project: `npx vitest run --project unit packages/kube`.
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: tiers.map(({ name, include, exclude }) => ({
      test: {
        name,
        include: [...include],
        exclude: ["**/node_modules/**", ...exclude],
        // Generous: a busy machine is slow, and a test that hangs still ends.
        testTimeout: 60_000,
        hookTimeout: 60_000,
      },
    })),
  },
});
