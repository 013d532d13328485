import { existsSync } from "node:fs";
import { findProgram } from "./find-program.mjs";
import { LaunchError } from "./launch-error.mjs";

/**
 * The user's npm, run by the Node that it came with: Debian's npm finds its own parts only under Debian's Node, and an old npm need
 * not know the newest Node. Nothing that npm installs here depends on the Node that runs npm (see {@link ciArgs}).
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ file: string, args: string[] }}
 */
export function npmCommand(env) {
  const { npm_execpath: cli, npm_node_execpath: node } = env;
  // Started by pnpm or yarn, npm_execpath is theirs.
  if (cli !== undefined && /npm-cli\.[cm]?js$/.test(cli) && existsSync(cli)) {
    return { file: node !== undefined && existsSync(node) ? node : process.execPath, args: [cli] };
  }
  const npm = findProgram("npm", env["PATH"]);
  if (npm === undefined)
    throw new LaunchError(
      "NpmMissing",
      "npm is missing.",
      "install it (Debian, Ubuntu: apt install npm) and start again.",
    );
  return { file: npm, args: [] };
}

/**
 * Settings of the user that would change *what* is installed are overridden; those that say *from where* are left alone.
 * Install scripts are not run: the only one (@bufbuild/buf's) checks its own download; programs come as packages per platform.
 * The engines that packages name concern the Node that runs them, which is the fetched one.
 */
export const ciArgs = [
  "ci",
  "--ignore-scripts",
  "--engine-strict=false",
  "--package-lock=true",
  "--include=dev",
  "--include=optional",
  "--no-audit",
  "--no-fund",
  "--no-update-notifier",
  // Three more tries within 13 s (npm's own: two within 70 s), each of them logged.
  "--fetch-retries=3",
  "--fetch-retry-factor=3",
  "--fetch-retry-mintimeout=1000",
  "--loglevel=http",
];
