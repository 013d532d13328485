/** An order that can not be carried out for now, for a reason that the one who gave it should hear. */
export class NotYetError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "NotYetError";
    this.code = code;
  }
}
