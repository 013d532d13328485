import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { ErrorDocumentSchema, ContainerErrorSchema } from "@homeplane/idl/flyteidl2/core/execution";

/** What stands at the start of an error document that is too large to be read. */
export interface ErrorHead {
  readonly code: string;
  /** As much of it as is there. */
  readonly message: string;
}

const errorField = ErrorDocumentSchema.field.error.number;
const codeField = ContainerErrorSchema.field.code.number;
const messageField = ContainerErrorSchema.field.message.number;

/** Reads what is whole, and as much of the message as there is. Empty where nothing can be made of it. */
export function errorHead(start: Uint8Array): ErrorHead {
  const head = { code: "", message: "" };
  const reader = new BinaryReader(start);
  try {
    const [field, wireType] = reader.tag();
    if (field !== errorField || wireType !== WireType.LengthDelimited) return head;
    reader.uint32();
    while (reader.pos < reader.len) {
      const [inner, type] = reader.tag();
      if (type !== WireType.LengthDelimited) {
        reader.skip(type, inner);
        continue;
      }
      const length = reader.uint32();
      const bytes = start.subarray(reader.pos, reader.pos + length);
      reader.pos += bytes.length;
      // A character that is cut in two becomes the replacement character, which nobody wants to see.
      const text = new TextDecoder().decode(bytes).replace(/\uFFFD$/u, "");
      if (inner === codeField) head.code = text;
      else if (inner === messageField) head.message = text;
    }
  } catch {
    // It was cut within a number: what was read until then stands.
  }
  return head;
}
