/** `literal` is whatever the server sent: unknown kinds are named, never an error. At most about 2,000 characters. */
export function literalText(literal: unknown): string;
