/** The npm packages in `node_modules`. npm removes that folder first, and with it the stamp: an interrupted install has none. */
import { join } from "node:path";
import { rmSync } from "node:fs";
import { ciArgs, npmCommand } from "./npm-command.mjs";
import { runLogged } from "./run-logged.mjs";
import { inputsHash, readStamp, stampName, writeStamp } from "./stamp.mjs";

/** @param {import("./paths.mjs").Paths} paths @returns {import("./bootstrap.mjs").Step} */
export function packagesStep(paths) {
  const inputs = inputsHash([join(paths.root, "package-lock.json")], [process.arch]);
  const stamp = join(paths.root, "node_modules", stampName);
  return {
    title: "npm packages",
    size: "about 120 MB to fetch",
    isDone: () => readStamp(stamp)?.["inputs"] === inputs,
    async run({ env, signal, log }) {
      rmSync(stamp, { force: true });
      const npm = npmCommand(env);
      const command = { file: npm.file, args: [...npm.args, ...ciArgs], cwd: paths.root, env };
      await runLogged({ step: "npm packages", tool: "npm", ...command, log }, signal);
      writeStamp(stamp, { inputs });
    },
  };
}
