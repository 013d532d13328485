/**
 * An error that tells its reader what to do. `code` is stable and documented in docs/reference/errors.md; `nextStep` is a
 * sentence addressed to the one who can act.
 */
export class HomeplaneError extends Error {
  readonly code: string;
  readonly nextStep: string;

  constructor(code: string, message: string, nextStep: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "HomeplaneError";
    this.code = code;
    this.nextStep = nextStep;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
