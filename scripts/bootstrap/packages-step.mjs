/**
 * The npm packages: installed in a copy of the manifests below `.tools`, then `node_modules` moves to its place as a whole. Its links
 * to the workspace's own packages are relative, so they hold in both places.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { installedPaths, packagesGauge } from "./gauges.mjs";
import { ciArgs, npmCommand } from "./npm-command.mjs";
import { runLogged } from "./run-logged.mjs";
import { inputsHash, readStamp, stampName, writeStamp } from "./stamp.mjs";
import { attempt, removeLeftovers } from "./swap-link.mjs";

/** @param {import("./paths.mjs").Paths} paths @returns {import("./bootstrap.mjs").Step} */
export function packagesStep(paths) {
  const lock = join(paths.root, "package-lock.json");
  const inputs = inputsHash([lock], [process.arch]);
  const modules = join(paths.root, "node_modules");
  return {
    title: "npm packages",
    size: "about 120 MB to fetch",
    isDone: () => readStamp(join(modules, stampName))?.["inputs"] === inputs,
    check: (env) => void npmCommand(env),
    async run({ env, signal, log, watch }) {
      removeLeftovers(paths.tools, (name) => name.startsWith("partial-packages-"));
      const partial = join(paths.tools, `partial-packages-${attempt()}`);
      for (const file of manifests(paths.root)) {
        mkdirSync(dirname(join(partial, file)), { recursive: true });
        copyFileSync(join(paths.root, file), join(partial, file));
      }
      const { packages } = /** @type {{ packages: Record<string, import("./gauges.mjs").LockEntry> }} */ (
        JSON.parse(readFileSync(lock, "utf8"))
      );
      watch(packagesGauge(partial, installedPaths(packages)));
      const npm = npmCommand(env);
      const command = { file: npm.file, args: [...npm.args, ...ciArgs], cwd: partial, env };
      await runLogged({ step: "npm packages", tool: "npm", ...command, log }, signal);
      writeStamp(join(partial, "node_modules", stampName), { inputs });
      if (existsSync(modules)) renameSync(modules, join(partial, "old"));
      renameSync(join(partial, "node_modules"), modules);
      rmSync(partial, { recursive: true, force: true });
    },
  };
}

/** What npm reads, relative to the root. @param {string} root */
function manifests(root) {
  const rooms = readdirSync(join(root, "packages")).map((name) => join("packages", name, "package.json"));
  return ["package.json", "package-lock.json", ".npmrc", ...rooms].filter((file) => existsSync(join(root, file)));
}
