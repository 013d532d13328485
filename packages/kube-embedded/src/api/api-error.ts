import type { JsonObject } from "../store/json.ts";

export type Cause = { reason: string; message: string; field?: string };

export type StatusDetails = {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: Cause[];
  retryAfterSeconds?: number;
};

/** An answer other than success; becomes a `Status` object (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/). */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(code: number, reason: string, message: string, details?: StatusDetails, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  toStatus(): JsonObject {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** What an error speaks about: `plural` and `kind` of the resource, its group and, mostly, the object's name. */
export interface Subject {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

const qualified = (subject: Subject): string =>
  subject.group === "" ? subject.plural : `${subject.plural}.${subject.group}`;
const qualifiedKind = (subject: Subject): string =>
  subject.group === "" ? subject.kind : `${subject.kind}.${subject.group}`;

function details(subject: Subject, name: string): StatusDetails {
  return { name, ...(subject.group === "" ? {} : { group: subject.group }), kind: subject.plural };
}

export function notFound(subject: Subject, name: string): ApiError {
  return new ApiError(404, "NotFound", `${qualified(subject)} "${name}" not found`, details(subject, name));
}

export function pathNotFound(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource", {});
}

export function alreadyExists(subject: Subject, name: string): ApiError {
  return new ApiError(409, "AlreadyExists", `${qualified(subject)} "${name}" already exists`, details(subject, name));
}

export const STALE = "the object has been modified; please apply your changes to the latest version and try again";

export function conflict(subject: Subject, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(subject)} "${name}": ${why}`;
  return new ApiError(409, "Conflict", message, details(subject, name));
}

export function forbidden(subject: Subject, name: string, why: string, causes?: Cause[]): ApiError {
  const message = `${qualified(subject)} "${name}" is forbidden: ${why}`;
  return new ApiError(403, "Forbidden", message, {
    ...details(subject, name),
    ...(causes === undefined ? {} : { causes }),
  });
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

export function expired(message: string): ApiError {
  return new ApiError(410, "Expired", message);
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

export function unsupportedMediaType(message: string): ApiError {
  return new ApiError(415, "UnsupportedMediaType", message, {});
}

/** One thing wrong with one field; `type` as in Kubernetes' `field.ErrorType`. */
export type FieldError = {
  readonly type:
    | "FieldValueRequired"
    | "FieldValueInvalid"
    | "FieldValueNotFound"
    | "FieldValueDuplicate"
    | "FieldValueNotSupported"
    | "FieldValueForbidden"
    | "FieldValueTypeInvalid"
    | "FieldValueTooLong"
    | "FieldValueTooMany";
  readonly field: string;
  readonly message: string;
};

/** A 422 that names at most this many fields; one broken list must not make an answer of megabytes. */
const MAX_CAUSES = 100;

export function invalid(subject: Subject, name: string, errors: readonly FieldError[]): ApiError {
  const shown = errors.slice(0, MAX_CAUSES);
  const causes = shown.map((error) => ({ reason: error.type, message: error.message, field: error.field }));
  const texts = shown.map((error) => `${error.field}: ${error.message}`);
  const joined = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const message = `${qualifiedKind(subject)} "${name}" is invalid: ${joined}`;
  return new ApiError(422, "Invalid", message, {
    ...(name === "" ? {} : { name }),
    ...(subject.group === "" ? {} : { group: subject.group }),
    kind: subject.kind,
    causes,
  });
}
