#!/usr/bin/env node
/**
 * The `homeplane` command of the package from npm (in a checkout: scripts/launch.mjs). Runs on any Node from 18 on; keeps to syntax
 * that far older ones parse, so that they reach the message.
 */
const oldestNodeMajor = 18;

if (Number(process.versions.node.split(".")[0]) < oldestNodeMajor) {
  process.stderr.write(
    `homeplane: Node ${process.versions.node} is too old: ${oldestNodeMajor} or later is needed to start.\n` +
      "  What to do: install a newer one (Debian 12+, Ubuntu 24.04+: apt install nodejs npm) and start again.\n",
  );
  process.exit(1);
}
const { main } = await import("./run-package.mjs");
await main(process.argv.slice(2));
