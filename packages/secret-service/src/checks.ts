/** What a request must be like; each refusal names the field and the way out. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { SecretIdentifier, SecretSpec } from "@homeplane/idl/flyteidl2/secret/definition";
import { SecretType } from "@homeplane/idl/flyteidl2/secret/definition";
import type { SecretId } from "./scope.ts";

/** As AWS Secrets Manager has it, so that a secret fits every back end; several of them go into one Kubernetes Secret (1 MiB). */
export const maxValueBytes = 64 << 10;
const maxNameLength = 128;

export function invalid(field: string, problem: string): ConnectError {
  return new ConnectError(`${field}: ${problem}`, Code.InvalidArgument);
}

export function checkId(id: SecretIdentifier | undefined): SecretId {
  if (id === undefined) throw invalid("id", "is required");
  const { name, project, domain } = id;
  if (name.length > maxNameLength)
    throw invalid("id.name", `has ${name.length} characters, the limit is ${maxNameLength}`);
  if (!/^[-a-zA-Z0-9_]+$/.test(name))
    throw invalid("id.name", `"${name}" must be letters, digits, "-" and "_", at least one`);
  if (project !== "" && domain === "") {
    throw invalid(
      "id.domain",
      `is required beside project "${project}": a secret belongs to a project's domain, to a domain, or to the organization`,
    );
  }
  return { name, project, domain };
}

export interface SecretValue {
  readonly bytes: Uint8Array;
  readonly type: SecretType;
}

export function checkValue(spec: SecretSpec | undefined): SecretValue {
  const field = "secret_spec";
  if (spec?.value.case === undefined) throw invalid(`${field}.value`, "string_value or binary_value is required");
  const { value, type } = spec;
  const bytes = value.case === "stringValue" ? new TextEncoder().encode(value.value) : value.value;
  // Nearly always a variable of the shell that was not set.
  if (bytes.length === 0) throw invalid(`${field}.value`, "is empty");
  if (bytes.length > maxValueBytes) {
    throw new ConnectError(
      `${field}.value: has ${bytes.length} bytes, the limit is ${maxValueBytes}: keep large files in the object store`,
      Code.ResourceExhausted,
    );
  }
  if (type !== SecretType.GENERIC && type !== SecretType.IMAGE_PULL_SECRET)
    throw invalid(`${field}.type`, `${type} is no type of secret`);
  return { bytes, type };
}
