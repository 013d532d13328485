import { spawn } from "node:child_process";

/** As much as is looked at of what a tool prints. */
const maxOutputChars = 256 << 10;

/**
 * Runs a tool to its end; never rejects.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ env: NodeJS.ProcessEnv, cwd?: string, timeoutMs?: number }} options
 * @returns {Promise<{ code: number | string, stdout: string, stderr: string }>} `code`: of the exit, or what kept it from one ("ENOENT", "SIGKILL")
 */
export function runTool(file, args, { env, cwd, timeoutMs = 10_000 }) {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      env,
      ...(cwd === undefined ? {} : { cwd }),
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout = (stdout + String(chunk)).slice(-maxOutputChars)));
    child.stderr.on("data", (chunk) => (stderr = (stderr + String(chunk)).slice(-maxOutputChars)));
    child.once("error", (error) => resolve({ code: "code" in error ? String(error.code) : "error", stdout, stderr }));
    child.once("close", (code, signal) => resolve({ code: code ?? String(signal), stdout, stderr }));
  });
}
