import { defineConfig } from "vitest/config";

// The infix of a test file names what it needs (see docs/development.md): `.test.ts` nothing, `.sdk.test.ts` the Python
// SDK, `.browser.test.ts` Chromium.
export default defineConfig({
  test: {
    include: ["packages/**/src/**/*.test.ts", "test/**/*.test.ts", "scripts/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
