/** What the first start promises, each tried on a machine of its own. A trial throws when the promise does not hold. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Ended, type Machine, newMachine } from "./machine.ts";

const start = ["npm", "start", "--", "--once", "--port", "0"] as const;
/** A network namespace of its own, in which nothing but loopback is: needs root. */
const withoutNetwork = ["unshare", "--net", "sh", "-c", 'ip link set lo up 2>/dev/null; exec "$@"', "sh"] as const;

function requireResult(what: string, { code, output, seconds }: Ended): string {
  if (code !== 0 || !output.includes("Result: 3.1")) throw new Error(`${what}: code ${code}\n${output}`);
  return `${what}: the sample's result after ${seconds.toFixed(0)} s`;
}

/** `npm start -- --once` in a new clone with an empty home. */
export async function onNode(major: string): Promise<readonly string[]> {
  using machine = newMachine(major);
  const versions = await machine.run(["sh", "-c", "node --version; npm --version"]);
  const [node = "", npm = ""] = versions.output.trim().split("\n");
  return [requireResult(`Node ${node} with npm ${npm}`, await machine.run(start))];
}

/** Killed in each of the three steps, a start goes on where it was, and fetches nothing again that it has. */
export async function interrupted(): Promise<readonly string[]> {
  using machine = newMachine();
  const told: string[] = [];
  // Past its begin, so that there is something to lose; the third makes an environment first.
  const kills = [
    { step: 1, afterMs: 3_000 },
    { step: 2, afterMs: 4_000 },
    { step: 3, afterMs: 10_000 },
  ] as const;
  for (const { step, afterMs } of kills) {
    const { output, seconds } = await machine.run(start, { seen: `[${step}/3]`, afterMs });
    if (new RegExp(`\\[${step}/3\\].*done in`).test(output))
      throw new Error(`step ${step} was over too soon:\n${output}`);
    // The step that the last kill hit is done again, those before it are not.
    if (step === 3 && output.includes("[1/3]")) throw new Error(`step 1 was done again:\n${output}`);
    told.push(`killed in step ${step} after ${seconds.toFixed(0)} s`);
  }
  const last = await machine.run(start);
  if (/\[[12]\/3\]/.test(last.output)) throw new Error(`a finished step was done again:\n${last.output}`);
  told.push(requireResult("the start after that", last), `pip then: ${pipFetched(machine)}`);
  return told;
}

function pipFetched({ checkout }: Machine): string {
  const log = readFileSync(join(checkout, ".tools/log/python-packages.log"), "utf8");
  const count = (pattern: RegExp): number => log.match(pattern)?.length ?? 0;
  return `${count(/^ {2}(Using cached|File was already downloaded)/gm)} were there, ${count(/^ {2}Downloading/gm)} fetched`;
}

/** The second start needs no network; nor does a new clone whose packages are in the caches of npm and pip. */
export async function offline(): Promise<readonly string[]> {
  using machine = newMachine();
  const first = requireResult("the first start", await machine.run(start));
  const second = requireResult("the second, without network", await machine.run([...withoutNetwork, ...start]));
  const tests = await machine.run([...withoutNetwork, "npm", "test", "--", "unit", "packages/runtime-kit"]);
  if (tests.code !== 0) throw new Error(`npm test without network: code ${tests.code}\n${tests.output}`);
  const last = tests.output.trim().split("\n").at(-1) ?? "";
  machine.cloneAgain();
  const fresh = await machine.run([...withoutNetwork, ...start]);
  if (fresh.code === 0 || !fresh.output.includes("[NoNetwork]"))
    throw new Error(`a new clone without network:\n${fresh.output}`);
  return [
    first,
    second,
    `npm test without network: ${last}`,
    "a new clone without network: says NoNetwork and what to do",
  ];
}
