import { expect, test } from "vitest";
import { explainFailure, explainSystemError } from "./explain.mjs";
import { describeError, type LaunchError } from "./launch-error.mjs";

const explain = (tool: "npm" | "pip" | "venv", output: string): LaunchError =>
  explainFailure({ step: "npm packages", tool, output, exit: "ended with code 1", log: "/x/npm.log" });

// As the tools print them.
const npmOffline = `npm error code ENOTFOUND
npm error syscall getaddrinfo
npm error network request to https://registry.invalid/vitest failed, reason: getaddrinfo ENOTFOUND registry.invalid
npm error network This is a problem related to network connectivity.`;
const pipOffline = `WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/flyte/
ERROR: Could not find a version that satisfies the requirement flyte==2.12.1 (from versions: none)
ERROR: No matching distribution found for flyte==2.12.1`;

test.each([
  ["npm", npmOffline, "NoNetwork"],
  ["pip", pipOffline, "NoNetwork"],
  [
    "npm",
    "npm error code ENOSPC\nnpm error syscall write\nnpm error nospc ENOSPC: no space left on device, write",
    "DiskFull",
  ],
  ["pip", "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "DiskFull"],
  ["pip", "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/x'", "NotWritable"],
  ["npm", "npm error code EACCES\nnpm error Error: EACCES: permission denied, mkdir '/root/.npm'", "NotWritable"],
  ["npm", "npm error code SELF_SIGNED_CERT_IN_CHAIN", "CertificateRefused"],
  [
    "pip",
    "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]')) - Connection reset",
    "CertificateRefused",
  ],
  ["npm", "npm error code EINTEGRITY", "WrongChecksum"],
  ["pip", "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "WrongChecksum"],
  ["npm", "npm error code E401", "RegistryRefused"],
  ["npm", "npm error code E404\nnpm error 404 Not Found - GET https://registry.invalid/x", "PackageMissing"],
  ["pip", "ERROR: No matching distribution found for flyte==2.12.1", "PackageMissing"],
  ["venv", "Error: something else", "StepFailed"],
] as const)("%s: %j means %s", (tool, output, code) => {
  expect(explain(tool, output).code).toBe(code);
});

test("without a network the message names the step, how to set a mirror and a proxy, and that the next start goes on", () => {
  const text = describeError(explain("npm", npmOffline));
  for (const part of ["npm packages", "npm config set registry", "proxy", "Start again", "/x/npm.log", "ENOTFOUND"]) {
    expect(text).toContain(part);
  }
});

test("of npm's output, the errors are shown and its manual is not", () => {
  const manual = Array.from({ length: 40 }, (_, n) => `npm error   --option-${n}`);
  const output = [
    "npm warn EBADENGINE x",
    "npm error code EUSAGE",
    "npm error Missing: a",
    "npm error Usage:",
    ...manual,
  ];
  expect(explain("npm", output.join("\n")).lastLines).toEqual(["npm error code EUSAGE", "npm error Missing: a"]);
});

test("errors of the file system are explained, others stay what they are", () => {
  const full = Object.assign(new Error("write"), { code: "ENOSPC" });
  const other = new Error("a mistake of ours");
  expect(explainSystemError("a step", full)).toMatchObject({ code: "DiskFull" });
  expect(explainSystemError("a step", Object.assign(new Error("open"), { code: "EROFS" }))).toMatchObject({
    code: "NotWritable",
  });
  expect(explainSystemError("a step", other)).toBe(other);
});
