import { LaunchError, systemCode } from "./launch-error.mjs";

/** @typedef {{ step: string, tool: "npm" | "pip" | "venv", output: string, exit: string, log: string }} Failure */

const resume = "Start again afterwards: what is done stays, and what was fetched comes from the cache.";

/** @type {Record<Failure["tool"], { mirror: string, proxy: string, certificates: string }>} */
const settings = {
  npm: {
    mirror: "npm config set registry <url>",
    proxy: "npm config set https-proxy <url>, or HTTPS_PROXY in the environment",
    certificates: "npm config set cafile <file>, or NODE_EXTRA_CA_CERTS=<file> in the environment",
  },
  pip: {
    mirror: "pip config set global.index-url <url>, or PIP_INDEX_URL in the environment",
    proxy: "pip config set global.proxy <url>, or HTTPS_PROXY in the environment",
    certificates: "pip config set global.cert <file>, or PIP_CERT=<file> in the environment",
  },
  venv: { mirror: "", proxy: "", certificates: "" },
};

/**
 * In this order, the first that matches: a full disk also breaks connections, and a refused certificate also reads as no network.
 * @type {readonly { pattern: RegExp, code: string, says: (failure: Failure) => string, todo: (failure: Failure) => string }[]}
 */
const rules = [
  {
    pattern: /ENOSPC|EDQUOT|no space left on device|disk quota exceeded/i,
    code: "DiskFull",
    says: ({ step }) => `the disk is full: ${step} could not be written.`,
    todo: () =>
      `make room: about 1 GB in all, for Homeplane, npm's and pip's caches and the temporary folder. ${resume}`,
  },
  {
    pattern:
      /EROFS|read-only file system|(EACCES|EPERM|permission denied)[^\n]*(open|mkdir|rename|unlink|rmdir|scandir|errno 13)|\[errno 13\]/i,
    code: "NotWritable",
    says: ({ step }) => `${step} could not be written: permission denied.`,
    todo: () => "the log names the file: give it to the user who starts this (chown -R), or start as its owner.",
  },
  {
    pattern:
      /CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_HAS_EXPIRED/i,
    code: "CertificateRefused",
    says: ({ step, tool }) =>
      `${step}: ${tool} does not trust the certificate of its registry (or of a proxy in between).`,
    todo: ({ tool }) => `name the authority's certificate: ${settings[tool].certificates}. ${resume}`,
  },
  {
    pattern: /EINTEGRITY|do not match the hashes|HASHES ARE REQUIRED/i,
    code: "WrongChecksum",
    says: ({ step }) => `${step}: a package differs from the one this version was made with. It was not installed.`,
    todo: ({ tool }) =>
      `clear the cache (${tool === "npm" ? "npm cache clean --force" : "pip cache purge"}) and start again; if it stays, the mirror serves altered packages.`,
  },
  {
    pattern: /\bE40[13]\b|ENEEDAUTH|\b(401|403|407)\b[^\n]*(Unauthorized|Forbidden|Proxy Auth|client error)/i,
    code: "RegistryRefused",
    says: ({ step, tool }) => `${step}: the registry (or a proxy in between) refused ${tool}.`,
    todo: ({ tool }) => `check the credentials, or choose another mirror: ${settings[tool].mirror}. ${resume}`,
  },
  {
    pattern:
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ECONNABORTED|ETIMEDOUT|ENETUNREACH|ENETDOWN|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT|ENOTCACHED|NewConnectionError|Failed to establish a new connection|ConnectTimeout|ReadTimeout|NameResolutionError|name resolution|ProxyError|Cannot connect to proxy|Connection (refused|reset|aborted|broken)|RemoteDisconnected/i,
    code: "NoNetwork",
    says: ({ step, tool }) => `${step}: ${tool} could not reach its registry.`,
    todo: ({ tool }) =>
      `check the network; a mirror is set by: ${settings[tool].mirror}; a proxy by: ${settings[tool].proxy}. ${resume}`,
  },
  {
    pattern: /\bE404\b|ETARGET|No matching distribution found|Could not find a version that satisfies/i,
    code: "PackageMissing",
    says: ({ step, tool }) => `${step}: the registry that ${tool} uses lacks a package.`,
    todo: ({ tool }) =>
      `the log names it; let the mirror take it in, or choose another: ${settings[tool].mirror}. ${resume}`,
  },
];

/** How many lines of a log are shown. */
const shownLines = 12;
const shownColumns = 240;

/** npm ends with its manual and a list of warnings; its errors alone say more. @param {readonly string[]} lines */
function worth(lines) {
  const usage = lines.findIndex((line) => /^npm (error|ERR!) Usage:/.test(line));
  const told = (usage === -1 ? lines : lines.slice(0, usage)).filter(
    (line) => !/^npm (warn|WARN|notice)|^Ignoring \S+: markers|^npm \S+\s+at .*[:(]/.test(line),
  );
  const errors = told.filter((line) => /^npm (error|ERR!)\s*\S/.test(line));
  return errors.length > 0 ? errors : told;
}

/** What the failure of a tool means, from what it printed. @param {Failure} failure */
export function explainFailure(failure) {
  const rule = rules.find(({ pattern }) => pattern.test(failure.output));
  const lines = failure.output.split("\n").filter((line) => line.trim() !== "");
  const more = {
    log: failure.log,
    lastLines: worth(lines)
      .slice(-shownLines)
      .map((line) => line.slice(0, shownColumns)),
  };
  if (rule) return new LaunchError(rule.code, rule.says(failure), rule.todo(failure), more);
  return new LaunchError(
    "StepFailed",
    `${failure.step} failed: ${failure.tool} ${failure.exit}.`,
    `read the log's end. ${resume}`,
    more,
  );
}

/** An error of the file system in our own work; anything else is returned as it is. @param {string} step @param {unknown} error */
export function explainSystemError(step, error) {
  const code = systemCode(error);
  if (!(error instanceof Error) || code === undefined) return error;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new LaunchError("DiskFull", `the disk is full: ${step}.`, `make room (about 1 GB). ${resume}`, {
      cause: error,
    });
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    const todo = "make it writable for the user who starts this (chown -R), or start as its owner.";
    return new LaunchError("NotWritable", `${step}: ${error.message}.`, todo, { cause: error });
  }
  return error;
}
