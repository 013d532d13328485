import { type TierName, tierNames } from "./tiers.ts";

export const usage = `npm test [-- [check] [unit] [sdk] [browser] [cluster] [<part of a path> ...]]

  nothing        the checks (types, lint, format, dead code), then every tier
  check          the checks
  unit           *.test.ts: need nothing
  sdk            *.sdk.test.ts: need the Python SDK, which the start fetches
  browser        *.browser.test.ts: need Chromium (apt install chromium)
  cluster        *.cluster.test.ts: need a real Kubernetes API server, which Go builds (6 minutes the first time), and some the
                 full test cluster (root, Linux; 25 minutes the first time): brought up and down here, or used as it is if it is up
  packages/kube  only the tests whose path contains this; in every tier, or in those named

The last line is "N passed, N failed" or "N passed, N failed, N skipped"; each check counts as one. The exit code is 1 if anything
failed or nothing ran.
`;

export interface Selection {
  readonly check: boolean;
  readonly tiers: readonly TierName[];
  /** Parts of paths; empty = all files. */
  readonly filters: readonly string[];
}

/** A path alone means all tiers without the checks. Throws on an option, with what is known. */
export function selectionOf(args: readonly string[]): Selection {
  const option = args.find((arg) => arg.startsWith("-"));
  if (option !== undefined) throw new Error(`${option} is not known.\n\n${usage}`);
  const isTier = (arg: string): arg is TierName => tierNames.some((name) => name === arg);
  const named = args.filter(isTier);
  const filters = args.filter((arg) => arg !== "check" && !isTier(arg)).map((arg) => arg.replace(/^\.\//, ""));
  const check = args.length === 0 || args.includes("check");
  const onlyCheck = check && args.length > 0 && named.length === 0 && filters.length === 0;
  return { check, tiers: onlyCheck ? [] : named.length > 0 ? named : tierNames, filters };
}
