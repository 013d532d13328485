/** The project's own Node, from npm: `.tools/node-<version>-<platform>/`, and the link `.tools/node` to the one in use. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileGauge } from "./gauges.mjs";
import { ciArgs, npmCommand } from "./npm-command.mjs";
import { explainLogged, runLogged } from "./run-logged.mjs";
import { inputsHash, readStamp, stampName, writeStamp } from "./stamp.mjs";
import { attempt, linkTarget, pruneVersions, removeLeftovers, swapLink } from "./swap-link.mjs";

/** About what Node 24's program has; only for the progress. */
const programBytes = 127_000_000;

const manifestFiles = ["package.json", "package-lock.json"];

/** @param {import("./paths.mjs").Paths} paths @returns {import("./bootstrap.mjs").Step} */
export function nodeStep(paths) {
  const source = join(paths.root, "tools/node");
  const lock = join(source, "package-lock.json");
  const program = `node-linux-${process.arch}`;
  const version = pinnedVersion(readFileSync(lock, "utf8"), program);
  const folder = `node-${version}-${process.arch}`;
  const target = `${folder}/node_modules/${program}`;
  const inputs = inputsHash([lock], [process.arch]);
  const stamp = join(paths.tools, folder, stampName);
  const finished = () => readStamp(stamp)?.["inputs"] === inputs && existsSync(join(paths.tools, target, "bin/node"));
  return {
    title: `Node ${version}`,
    size: "about 50 MB to fetch",
    isDone: () => linkTarget(paths.node) === target && finished(),
    check: (env) => void npmCommand(env),
    async run({ env, signal, log, watch }) {
      if (!finished()) {
        removeLeftovers(paths.tools, (name) => name.startsWith("partial-node-"));
        const partial = join(paths.tools, `partial-node-${attempt()}`);
        mkdirSync(partial);
        for (const name of manifestFiles) copyFileSync(join(source, name), join(partial, name));
        // A registry may be set there for this checkout.
        if (existsSync(join(paths.root, ".npmrc"))) copyFileSync(join(paths.root, ".npmrc"), join(partial, ".npmrc"));
        const npm = npmCommand(env);
        watch(fileGauge(join(partial, "node_modules", program, "bin/node"), programBytes));
        const command = { step: `Node ${version}`, tool: /** @type {const} */ ("npm"), log };
        await runLogged({ ...command, file: npm.file, args: [...npm.args, ...ciArgs], cwd: partial, env }, signal);
        // Each platform's package is optional: npm succeeds without the one that it could not fetch.
        if (!existsSync(join(partial, "node_modules", program, "bin/node")))
          throw explainLogged(command, `did not install ${program}`);
        writeStamp(join(partial, stampName), { inputs, version });
        rmSync(join(paths.tools, folder), { recursive: true, force: true });
        renameSync(partial, join(paths.tools, folder));
      }
      swapLink(paths.node, target);
      pruneVersions(paths.node, folder);
    },
  };
}

/** @param {string} lockText @param {string} program */
function pinnedVersion(lockText, program) {
  const lock = /** @type {{ packages: Record<string, { version?: string } | undefined> }} */ (JSON.parse(lockText));
  const version = lock.packages[`node_modules/${program}`]?.version;
  if (version === undefined) throw new Error(`tools/node/package-lock.json has no ${program}`);
  return version;
}
