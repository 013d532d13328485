/** What ends a start, told to its reader: `code` is stable, `nextStep` says what to do, `log` is the file with the whole story. */
export class LaunchError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {string} nextStep
   * @param {{ log?: string, lastLines?: readonly string[], cause?: unknown }} [more]
   */
  constructor(code, message, nextStep, more = {}) {
    super(message, { cause: more.cause });
    this.name = "LaunchError";
    this.code = code;
    this.nextStep = nextStep;
    this.log = more.log;
    this.lastLines = more.lastLines ?? [];
  }
}

/** @param {unknown} error @returns {string} text for a terminal, ends with a line break */
export function describeError(error) {
  if (!(error instanceof LaunchError)) {
    return `homeplane: the start failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
  }
  const lines = [`homeplane: ${error.message} [${error.code}]`, `  What to do: ${error.nextStep}`];
  if (error.log !== undefined) lines.push(`  Log: ${error.log}`);
  if (error.lastLines.length > 0) lines.push("  Its last lines:", ...error.lastLines.map((line) => `    | ${line}`));
  return `${lines.join("\n")}\n`;
}

/** @param {unknown} error @returns {string | undefined} the system's code, as "ENOSPC" */
export function systemCode(error) {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
