/** The project's own Node, from npm: `.tools/node-<version>-<platform>/`, and the link `.tools/node` to the one in use. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ciArgs, npmCommand } from "./npm-command.mjs";
import { runLogged } from "./run-logged.mjs";
import { inputsHash, readStamp, stampName, writeStamp } from "./stamp.mjs";
import { linkTarget, pruneVersions, swapLink } from "./swap-link.mjs";

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
    async run({ env, signal, log }) {
      if (!finished()) {
        const partial = join(paths.tools, `${folder}.partial`);
        rmSync(partial, { recursive: true, force: true });
        mkdirSync(partial);
        for (const name of manifestFiles) copyFileSync(join(source, name), join(partial, name));
        // A registry may be set there for this checkout.
        if (existsSync(join(paths.root, ".npmrc"))) copyFileSync(join(paths.root, ".npmrc"), join(partial, ".npmrc"));
        const npm = npmCommand(env);
        await runLogged(
          {
            step: `Node ${version}`,
            tool: "npm",
            file: npm.file,
            args: [...npm.args, ...ciArgs],
            cwd: partial,
            env,
            log,
          },
          signal,
        );
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
