/**
 * The door from a bare checkout: sets up what is missing, then runs a program of the project on the project's own Node.
 *
 *   node scripts/launch.mjs [--python <interpreter>] start|cli|test|run|bootstrap [arguments]
 *
 * It runs on any system Node from 18 on. This file keeps to syntax that far older ones parse, so that they reach the message.
 */
const oldestNodeMajor = 18;

if (Number(process.versions.node.split(".")[0]) < oldestNodeMajor) {
  process.stderr.write(
    `homeplane: Node ${process.versions.node} is too old: ${oldestNodeMajor} or later is needed to start (the project then fetches its own Node).\n` +
      "  What to do: install a newer one (Debian 12+, Ubuntu 24.04+: apt install nodejs npm) and start again.\n",
  );
  process.exit(1);
}
const { main } = await import("./bootstrap/main.mjs");
await main(process.argv.slice(2));
