import { destination, type Logger, pino } from "pino";
import { openLogFile } from "./log-file.ts";

export type { Logger } from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Secrets are redacted by the name of their field, wherever they lie up to two levels deep. */
const SECRET_FIELDS = [
  "secret",
  "token",
  "accessToken",
  "sessionToken",
  "secretAccessKey",
  "authorization",
  "Authorization",
  "cookie",
  "password",
  "signedUrl",
  "signed_url",
];
const REDACTED = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

/** JSON lines. `file` absent = stderr, so that stdout stays the command's own; in a pod the log is all that goes there. */
export function createLogger(options: { level: LogLevel; file?: string; to?: "stdout" }): Logger {
  const config = { level: options.level, base: null, redact: { paths: REDACTED, censor: "[redacted]" } };
  if (options.file === undefined) return pino(config, destination(options.to === "stdout" ? 1 : 2));
  const sink = openLogFile(options.file, (text) => process.stderr.write(text));
  process.once("exit", () => sink.flushSync());
  return pino(config, sink);
}

/** For tests. */
export const silentLogger: Logger = pino({ level: "silent" });
