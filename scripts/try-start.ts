/**
 * Tries the first start as new users have it. It fetches some 200 MB for each trial, so no test does it.
 *
 * Run: npm run try-start -- [node=18,20,22,24,26] [interrupted] [offline]      (offline needs root)
 */
import { interrupted, offline, onNode } from "./try-start/trials.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const named = { interrupted, offline } as const;

async function main(args: readonly string[]): Promise<boolean> {
  let good = args.length > 0;
  if (!good) say("npm run try-start -- [node=18,20,22,24,26] [interrupted] [offline]");
  const trials = args.flatMap((arg) => {
    if (arg.startsWith("node="))
      return arg
        .slice("node=".length)
        .split(",")
        .map((major) => () => onNode(major));
    if (arg === "interrupted" || arg === "offline") return [named[arg]];
    throw new Error(`${arg} is not known`);
  });
  for (const trial of trials) {
    try {
      for (const line of await trial()) say(`ok      ${line}`);
    } catch (error) {
      good = false;
      say(`FAILED  ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return good;
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
