/** A machine as a new user has it, as far as a folder can be one: an empty home, a clone of the last commit, a chosen Node with an npm of its age. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { npmCommand } from "../bootstrap/npm-command.mjs";

const root = join(import.meta.dirname, "../..");
const longestMs = 9 * 60_000;

export interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly seconds: number;
}

export interface Kill {
  readonly seen: string;
  readonly afterMs: number;
}

export interface Machine extends Disposable {
  readonly checkout: string;
  readonly home: string;
  /** Runs `command` in the checkout; with `kill`, ends it and all that it started some time after it has printed that. */
  run(command: readonly string[], kill?: Kill): Promise<Ended>;
  /** A new clone on the same machine, with what npm and pip have cached. */
  cloneAgain(): void;
}

/** npm's releases came with these: the oldest of each pair's age that still starts on it. */
const npmOf: Readonly<Record<string, string>> = { 18: "9", 20: "10", 22: "10", 24: "11", 26: "11" };

/** `nodeMajor` undefined: the machine's own Node and npm. */
export function newMachine(nodeMajor?: string): Machine {
  const folder = mkdtempSync(join(tmpdir(), "homeplane-machine-"));
  const [checkout, home, tools] = [join(folder, "homeplane"), join(folder, "home"), join(folder, "toolchain")];
  mkdirSync(home);
  mkdirSync(tools);
  const ownPath = (process.env["PATH"] ?? "").split(":").filter((part) => !part.startsWith(root));
  if (nodeMajor !== undefined) installNode(tools, nodeMajor);
  const env = {
    ...environmentOf(process.env),
    HOME: home,
    PATH: [...(nodeMajor === undefined ? [] : [join(tools, "node_modules/.bin")]), ...ownPath].join(":"),
  };
  const cloneAgain = (): void => {
    rmSync(checkout, { recursive: true, force: true });
    execFileSync("git", ["clone", "--quiet", root, checkout]);
  };
  cloneAgain();
  return {
    checkout,
    home,
    cloneAgain,
    run: (command, kill) => run(command, checkout, env, kill),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Where packages come from is the user's; all else that npm and the shell say of this process is not. */
function environmentOf(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) =>
      /^(PIP_|HTTPS?_PROXY|https?_proxy|NO_PROXY|no_proxy|NODE_EXTRA_CA_CERTS|LANG|TERM)/.test(name),
    ),
  );
}

function installNode(folder: string, major: string): void {
  const packages = [`node-linux-${process.arch}@${major}`, `npm@${npmOf[major] ?? "latest"}`];
  writeFileSync(join(folder, "package.json"), "{}");
  const npm = npmCommand(process.env);
  execFileSync(npm.file, [...npm.args, "install", "--no-audit", "--no-fund", "--silent", ...packages], { cwd: folder });
}

function run(
  [program = "", ...args]: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  kill?: Kill,
): Promise<Ended> {
  const start = performance.now();
  // A group of its own, so that a kill takes npm and pip along, as the loss of the machine would.
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const killAll = (): void => {
    if (child.exitCode === null) process.kill(-(child.pid ?? 0), "SIGKILL");
  };
  const timer = setTimeout(killAll, longestMs);
  let output = "";
  let planned = false;
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
    if (planned || kill === undefined || !output.includes(kill.seen)) return;
    planned = true;
    setTimeout(killAll, kill.afterMs);
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output, seconds: (performance.now() - start) / 1000 });
    });
  });
}
