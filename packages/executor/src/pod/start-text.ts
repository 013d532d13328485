/** What keeps a container from starting, in words: what is wrong and the way out first, then the kubelet's own. */
import type { StartProblem } from "./observe.ts";

export const pullReasons: ReadonlySet<string> = new Set(["ErrImagePull", "ImagePullBackOff"]);

/** A registry that is down or throttles is no fault of the task. */
export const registryTrouble = new RegExp(
  [
    // Numbers alone would take an image's tag or port for a status.
    String.raw`\bstatus(?: code)?\b[^\d\n]{0,60}(?:429|5\d\d)\b`,
    String.raw`\b(?:429 Too Many|500 Internal|502 Bad Gateway|503 Service|504 Gateway)`,
    String.raw`too many requests|toomanyrequests|i/o timeout|handshake timeout|deadline exceeded|Client\.Timeout`,
    String.raw`connection (?:refused|reset)|temporary failure`,
  ].join("|"),
  "i",
);

const refused = /denied|unauthorized|forbidden|authorization failed|\bstatus(?: code)?\b[^\d\n]{0,60}40[13]\b/i;
const missing = /not found|manifest unknown|name unknown|does not exist/i;

export function startText({ of, reason, message }: StartProblem): string {
  const said = `${reason}: ${message}`;
  if (of === undefined) return said;
  const named = `image "${of.image}" of container ${of.container}`;
  if (reason === "InvalidImageName")
    return `${named} is no name of an image: write [registry/]name[:tag], in lower case\n${said}`;
  if (pullReasons.has(reason)) return `${named} can not be pulled: ${pullAdvice(message)}\n${said}`;
  return said;
}

function pullAdvice(message: string): string {
  if (registryTrouble.test(message)) return "its registry is down, can not be reached or throttles; it is tried again";
  if (refused.test(message))
    return "its registry refuses it: check the name, and give the nodes or tasks.imagePullSecrets the right to pull it";
  if (missing.test(message)) return "its registry has none of that name and tag; check both";
  return "check its name, and whether nodes reach its registry";
}
