import type { TaskTemplate } from "@homeplane/idl/flyteidl2/core/tasks";

/** The first whose controller is given the token command too: 2.7.1 and older end with "Command cannot be empty for command authenticator". */
const commandSince = [2, 7, 2];

/** By the version that has made the task; one that is not told counts as new. */
export function knowsTokenCommand({ metadata }: TaskTemplate): boolean {
  const numbers = /^(\d+)\.(\d+)\.(\d+)/
    .exec(metadata?.runtime?.version ?? "")
    ?.slice(1)
    .map(Number);
  if (numbers === undefined) return true;
  const at = numbers.findIndex((number, index) => number !== commandSince[index]);
  return at === -1 || (numbers[at] ?? 0) > (commandSince[at] ?? 0);
}
